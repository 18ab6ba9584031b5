// SPDX-License-Identifier: LGPL-2.1-or-later
// What browsers cannot play reaches them all the same, with transcode switched on and no further
// setting: this Chromium has neither Speex nor H.265.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { assertClean, Encoder, launch, media, missing, open, plays, pushHevc, Server,
  until } from './harness.mjs';
import { look, missingPlayers, watch } from './players.mjs';

const skip = missing('hls', 'dash') || missingPlayers() || false;
const SPEEX = ['-c:a', 'libspeex', '-ar', '16000', '-ac', '1'];
let server;
let browser;
let encoder;
let stopHevc;

before(async () => {
  if (skip) return;
  server = await Server.start({
    'plugins.hls': 'true', 'plugins.dash': 'true', 'plugins.transcode': 'true',
  });
  browser = await launch();
  encoder = new Encoder(server, 'live/speex', server.key('live/speex'), { sound: SPEEX });
  stopHevc = pushHevc(server, 'live/hevc', server.key('live/hevc'));
  await server.live('live/hevc@180p');
  await server.live('live/speex@audio-64k');
});

after(async () => {
  await browser?.close();
  await encoder?.stop();
  await stopHevc?.();
  await server?.stop();
});

/** Waits until the picture has gone on for some seconds, and the sound if there is one. */
async function goesOn(page, sound) {
  const first = await until('the first picture', async () => {
    const now = await look(page);
    assert.deepEqual(now.errors, []);
    return now.first !== null && now;
  }, 30);
  return until('the picture to move', async () => {
    const now = await look(page);
    return now.time - first.time > 2 && now.frames > first.frames && (!sound || now.sound > 0) && now;
  }, 30);
}

const ALL = [['hls', 'speex', 'Speex'], ['dash', 'hevc', 'H.265'], ['dash', 'speex', 'Speex'],
  ['hls', 'hevc', 'H.265']];
for (const [kind, name, codec] of process.env.LECTERN_TEST_LONG === '1' ? ALL : ALL.slice(0, 2)) {
  test(`${kind} plays what came as ${codec}`, { skip }, async () => {
    const { audio, video } = await server.stream(`live/${name}`);
    assert.ok([audio?.codec, video.codec].includes(codec));
    const page = await watch(browser, server, kind,
      `/live/${name}/${kind === 'hls' ? 'index.m3u8' : 'index.mpd'}`);
    await goesOn(page, audio !== null);
    assert.deepEqual((await look(page)).errors, []);
    assert.deepEqual(page.trouble, []);
    await page.context().close();
  });
}

test('the page plays a rendition of what the browser cannot play', { skip }, async () => {
  const page = await open(browser, `${server.url}/?live/speex`);
  await plays(page);
  await page.goto(`${server.url}/?live/hevc`);
  await until('the picture to move', async () => (await media(page)).frames > 15, 20);
  // The player says on the console what it has tried.
  page.trouble = page.trouble.filter((line) => !/addSourceBuffer|Unsupported audio/.test(line));
  await assertClean(page);
  await page.context().close();
});
