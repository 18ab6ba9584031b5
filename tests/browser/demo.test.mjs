// SPDX-License-Identifier: LGPL-2.1-or-later
// The page for trying players, with each of them: live, chosen quality, another picture size, the end.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { assertClean, Encoder, launch, media, missing, open, plays, Server, until }
  from './harness.mjs';

const skip = missing('hls', 'dash') || false;
const NAME = 'live/physics';
let server;
let browser;
let key;
let encoder;

before(async () => {
  if (skip) return;
  server = await Server.start({
    'plugins.hls': 'true', 'plugins.dash': 'true', 'plugins.record': 'true',
  });
  browser = await launch();
  key = server.key(NAME);
  encoder = new Encoder(server, NAME, key);
  await server.live(NAME);
});

after(async () => {
  await browser?.close();
  await encoder?.stop();
  await server?.stop();
});

const fact = (page, id) => page.locator(`#fact-${id} dd`).textContent();
const show = (way, options) => open(browser, `${server.url}/demo/?${NAME}&player=${way}`, options);

for (const [way, delay] of [['ll-hls', 3], ['hls', 14], ['dash', 8], ['flv', 3], ['ws-flv', 3]]) {
  test(`plays by ${way}`, { skip }, async (context) => {
    const page = await show(way);
    await plays(page);
    const behind = await until('the delay', async () => parseFloat(await fact(page, 'delay')));
    assert.ok(behind < delay, `${behind} s behind`);
    const first = await fact(page, 'first');
    assert.match(first, /^\d+ ms$/);
    assert.equal(await fact(page, 'size'), '320×180');
    context.diagnostic(`${way}: ${behind} s behind, first picture after ${first}`);
    await assertClean(page);
    await page.context().close();
  });
}

test('speaks Chinese, and changes the player without a reload', { skip }, async () => {
  const page = await show('ll-hls', { locale: 'zh-CN' });
  await plays(page);
  assert.equal(await page.locator('html').getAttribute('lang'), 'zh-CN');
  await page.getByText('DASH', { exact: true }).click();
  await plays(page);
  assert.match(page.url(), /player=dash$/);
  assert.match(await page.locator('#address').textContent(), /\/live\/physics\/index\.mpd$/);
  await assertClean(page);
  await page.context().close();
});

test('goes over another picture size, and to the end', { skip }, async () => {
  const pages = {};
  for (const way of ['ll-hls', 'hls', 'dash']) pages[way] = await show(way);
  for (const page of Object.values(pages)) await plays(page);
  await encoder.kill();
  await until('away', async () => (await server.stream(NAME))?.state === 'away');
  encoder = new Encoder(server, NAME, key, { size: '480x270' });
  for (const [way, page] of Object.entries(pages)) {
    await until(`the other size by ${way}`, async () => (await fact(page, 'size')) === '480×270', 30);
    await plays(page);
  }
  await encoder.stop();
  for (const [way, page] of Object.entries(pages)) {
    let last = -1;
    await until(`the end by ${way}`, async () => {
      const { time } = await media(page);
      const stands = time === last;
      last = time;
      await page.waitForTimeout(400);
      return stands;
    }, 30);
    assert.ok((await media(page)).time > 3);
    await assertClean(page);
    await page.context().close();
  }
});
