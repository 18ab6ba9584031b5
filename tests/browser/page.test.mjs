// SPDX-License-Identifier: LGPL-2.1-or-later
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { assertClean, Encoder, launch, media, missing, open, plays, pushHevc, Server, until }
  from './harness.mjs';

const skip = missing() || false;
let server;
let browser;

before(async () => {
  if (skip) return;
  server = await Server.start();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Runs BODY with a stream on the air. */
async function onAir(name, options, body) {
  const key = server.key(name);
  const encoder = new Encoder(server, name, key, options);
  try {
    await server.live(name);
    await body({ encoder, key });
  } finally {
    await encoder.stop();
  }
  await until('the end', async () => !(await server.stream(name)));
}

const shown = (page, selector) => page.locator(selector).isVisible();
const text = (page, selector) => page.locator(selector).textContent();

test('tells how to push when nothing is live', { skip }, async () => {
  const page = await open(browser, `${server.url}/`);
  await page.locator('#push').waitFor();
  assert.match(await text(page, '#push-server'), /^rtmp:\/\/localhost:?\d*\/live$/);
  assert.match(await text(page, '#empty'), /Nothing is live/);
  assert.equal(await shown(page, '#stage'), false);
  await assertClean(page);
  await page.context().close();
});

for (const [transport, button] of [['ws', 'WS'], ['http', 'HTTP']]) {
  test(`lists a stream and plays it over ${transport}`, { skip }, async () => {
    await onAir('live/physics', {}, async () => {
      const page = await open(browser, `${server.url}/`);
      await page.locator('#stage').waitFor();
      await page.getByRole('button', { name: button, exact: true }).click();
      const played = await plays(page);
      assert.ok(played.frames > 0 && played.sound > 0);
      assert.equal(await text(page, '#name'), 'live/physics');
      assert.equal(await text(page, '#state'), 'Live');
      assert.match(await text(page, '#facts'), /320×180.*H\.264 \+ AAC/);
      assert.equal(await shown(page, '#message'), false);
      assert.match(page.url(), /\/\?live\/physics$/);
      await assertClean(page);
      await page.context().close();
    });
  });
}

test('speaks Chinese to a Chinese browser, and switches', { skip }, async () => {
  await onAir('live/physics', {}, async () => {
    const page = await open(browser, `${server.url}/?live/physics`, { locale: 'zh-CN' });
    await plays(page);
    assert.equal(await text(page, '#state'), '直播中');
    assert.match(await text(page, '#facts'), /观看人数：\d/);
    assert.equal(await page.locator('html').getAttribute('lang'), 'zh-CN');
    await page.locator('#language').selectOption('en');
    await until('the switch', async () => (await text(page, '#state')) === 'Live');
    await page.reload();
    await until('the choice to last', async () => (await text(page, '#state')) === 'Live');
    await assertClean(page);
    await page.context().close();
  });
});

test('starts muted and turns the sound on with a click', { skip }, async () => {
  await onAir('live/physics', {}, async () => {
    const page = await open(browser, `${server.url}/?live/physics`);
    await page.locator('#unmute').waitFor();
    assert.equal((await media(page)).muted, true);
    await page.locator('#unmute').click();
    assert.equal((await media(page)).muted, false);
    assert.equal(await shown(page, '#unmute'), false);
    await page.keyboard.press('m');
    assert.equal((await media(page)).muted, true);
    await assertClean(page);
    await page.context().close();
  });
});

test('plays a stream that is sound alone', { skip }, async () => {
  await onAir('live/radio', { video: false }, async () => {
    const page = await open(browser, `${server.url}/?live/radio`);
    const played = await plays(page, { frames: 0 });
    assert.equal(played.frames, 0);
    assert.match(await text(page, '#facts'), /Sound only/);
    await assertClean(page);
    await page.context().close();
  });
});

test('lists several streams and plays the chosen one', { skip }, async () => {
  await onAir('live/physics', {}, () => onAir('live/maths', {}, async () => {
    const page = await open(browser, `${server.url}/`);
    const links = page.locator('#streams a');
    await until('both streams', async () => (await links.count()) === 2);
    assert.equal(await shown(page, '#stage'), false);
    await page.locator('#streams a[data-stream="live/maths"]').press('Enter');
    await plays(page);
    assert.equal(await text(page, '#name'), 'live/maths');
    await page.goBack();
    await until('the list alone', async () => !(await shown(page, '#stage')));
    await assertClean(page);
    await page.context().close();
  }));
});

test('waits for a publisher who is away, then says that the lesson has ended', { skip }, async () => {
  const key = server.key('live/chemistry');
  let encoder = new Encoder(server, 'live/chemistry', key);
  await server.live('live/chemistry');
  const page = await open(browser, `${server.url}/?live/chemistry`);
  await plays(page);
  await encoder.kill();
  await until('away', async () => (await text(page, '#state')) === 'Away');
  assert.match(await text(page, '#message-text'), /connection was lost/);
  encoder = new Encoder(server, 'live/chemistry', key);
  await until('the picture again', async () => (await text(page, '#state')) === 'Live'
    && !(await shown(page, '#message')));
  await plays(page);
  await encoder.stop();
  await until('the end', async () => /has ended/.test(await text(page, '#message-text')));
  await page.context().close();
});

test('needs no reload, whatever the teacher does', { skip }, async () => {
  const name = 'live/restless';
  const key = server.key(name);
  // One was here before, one comes in the first second.
  const pages = [await open(browser, `${server.url}/`)];
  const all = (what) => Promise.all(pages.map(what));
  let encoder = new Encoder(server, name, key);
  await server.live(name);
  pages.push(await open(browser, `${server.url}/?${name}`));
  await all((page) => plays(page, { seconds: 0.5, frames: 5 }));
  for (const rtsp of [false, true]) {
    await encoder.stop();
    await all((page) => until('the end', async () => (
      /has ended/.test(await text(page, '#message-text'))), 3));
    encoder = new Encoder(server, name, key, { rtsp });
    await all((page) => plays(page, { seconds: 0.5, frames: 5 }));
  }
  // Back before anybody could look, with another protocol.
  await encoder.stop();
  encoder = new Encoder(server, name, key);
  await server.live(name);
  await all(async (page) => {
    await until('the new picture', async () => {
      const now = await media(page);
      return now.frames > 5 && now.time < 8 && (await text(page, '#state')) === 'Live'
        && !(await shown(page, '#message'));
    });
    await assertClean(page);
    await page.context().close();
  });
  await encoder.stop();
  await until('the end', async () => !(await server.stream(name)));
});

const SPEEX = ['-c:a', 'libspeex', '-ar', '16000', '-ac', '1'];
// The player says on the console what it has tried.
const forgive = (page) => {
  page.trouble = page.trouble.filter((line) => !/addSourceBuffer|Unsupported audio/.test(line));
};

test('shows the picture when only the sound cannot be played, and says so', { skip }, async () => {
  const name = 'live/speex';
  await onAir(name, { sound: SPEEX }, async ({ encoder, key }) => {
    const page = await open(browser, `${server.url}/?${name}`);
    await until('the picture to move', async () => (await media(page)).frames > 15);
    assert.equal(await text(page, '#note'), 'No sound: this browser cannot play Speex.');
    assert.equal(await shown(page, '#message'), false);
    assert.equal(await shown(page, '#unmute'), false);
    // The teacher mends it.
    await encoder.stop();
    const better = new Encoder(server, name, key);
    await plays(page);
    await until('the note to go', async () => !(await shown(page, '#note')));
    await better.stop();
    forgive(page);
    await assertClean(page);
    await page.context().close();
  });
});

test('says what the browser cannot play at all', { skip }, async () => {
  const stopHevc = pushHevc(server, 'live/hevc', server.key('live/hevc'));
  await server.live('live/hevc');
  await onAir('live/radio', { video: false, sound: SPEEX }, async () => {
    for (const [locale, name, sentence] of [['en-US', 'radio', 'This browser cannot play Speex.'],
      ['zh-CN', 'radio', '此浏览器无法播放 Speex。'], ['en-US', 'hevc', 'This browser cannot play H.265.'],
      ['zh-CN', 'hevc', '此浏览器无法播放 H.265。']]) {
      const page = await open(browser, `${server.url}/?live/${name}`, { locale });
      await until(sentence, async () => (await text(page, '#message-text')) === sentence
        && shown(page, '#message'));
      forgive(page);
      await assertClean(page);
      await page.context().close();
    }
  });
  await stopHevc();
});

test('waits for a stream that is not live yet', { skip }, async () => {
  const page = await open(browser, `${server.url}/?live/physics`);
  await until('the notice', async () => /Not live yet/.test(await text(page, '#message-text')));
  await onAir('live/physics', {}, async () => {
    await plays(page);
    await assertClean(page);
  });
  await page.context().close();
});
