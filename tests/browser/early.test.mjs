// SPDX-License-Identifier: LGPL-2.1-or-later
// Players of HLS and DASH that are opened before the teacher pushes, and in the first second of it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Encoder, launch, missing, Server, until } from './harness.mjs';
import { look, missingPlayers, watch } from './players.mjs';

const skip = missing('hls', 'dash') || missingPlayers() || false;
const NAME = 'live/physics';
// Shaka's search for captions (5.2.12) stumbles over a playlist of one segment and what is hinted at.
const WAYS = [['hls', 'index.m3u8', { lowLatency: true }], ['dash', 'index.mpd'],
  ['shaka', 'index.m3u8', { captions: false }], ['shaka', 'index.mpd']];
let server;
let browser;
let encoder;

before(async () => {
  if (skip) return;
  server = await Server.start({ 'plugins.hls': 'true', 'plugins.dash': 'true' });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await encoder?.stop();
  await server?.stop();
});

const watchAll = () => Promise.all(WAYS.map(([kind, file, options]) => (
  watch(browser, server, kind, `/${NAME}/${file}`, options))));

async function sees(page) {
  await until('the picture to move', async () => {
    const now = await look(page);
    assert.deepEqual(now.errors, []);
    return now.first !== null && now.frames > 5 && now.sound > 0;
  }, 25);
  assert.deepEqual(page.trouble, []);
  await page.context().close();
}

test('players that come too early see the lesson', { skip }, async () => {
  const pages = await watchAll();
  encoder = new Encoder(server, NAME, server.key(NAME));
  await server.live(NAME);
  pages.push(...await watchAll());
  await Promise.all(pages.map(sees));
});
