// SPDX-License-Identifier: LGPL-2.1-or-later
// hls.js, dash.js and shaka-player with a ladder: live, on a network that gets worse and better,
// after the end, and on a recording.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Encoder, launch, missing, Server, until } from './harness.mjs';
import { look, missingPlayers, watch } from './players.mjs';

const skip = missing('hls', 'dash') || missingPlayers() || false;
const NAME = 'live/physics';
const ALL = [['hls', 'index.m3u8', { lowLatency: true }, 4], ['hls', 'index.m3u8', {}, 14],
  ['dash', 'index.mpd', {}, 9], ['shaka', 'index.m3u8', {}, 9], ['shaka', 'index.mpd', {}, 14]];
// What differs least from another is left to the long run.
const long = process.env.LECTERN_TEST_LONG === '1';
const ENDED = long ? ALL : [ALL[1], ALL[2]];
const RECORDED = long ? ALL.slice(1) : [ALL[2], ALL[3]];
let server;
let browser;
let encoder;
let recording;

before(async () => {
  if (skip) return;
  server = await Server.start({
    'plugins.hls': 'true', 'plugins.dash': 'true', 'plugins.record': 'true',
    'plugins.transcode': 'true', 'transcode.ladder': '144p:100k',
  });
  browser = await launch();
  encoder = new Encoder(server, NAME, server.key(NAME), { size: '480x270', rate: 25 });
  await server.live(NAME);
  await until('the rung', async () => (
    /144p/.test(await (await fetch(`${server.url}/${NAME}/index.mpd`)).text())), 40);
  const answer = await fetch(`${server.url}/api/v1/streams/${NAME}/recordings`);
  [recording] = (await answer.json()).recordings;
});

after(async () => {
  await browser?.close();
  await encoder?.stop();
  await server?.stop();
});

const named = ([kind, file, { lowLatency }]) => `${kind} ${file.split('.')[1]}${lowLatency ? ' LL' : ''}`;

/** Waits until the picture has gone on for some seconds, with sound. */
async function goesOn(page, seconds = 2) {
  const first = await until('the first picture', async () => {
    const now = await look(page);
    assert.deepEqual(now.errors, []);
    return now.first !== null && now;
  }, 20);
  return until('the picture to move', async () => {
    const now = await look(page);
    return now.time - first.time > seconds && now.frames > first.frames && now.sound > 0 && now;
  }, 20);
}

async function close(page) {
  const { errors } = await look(page);
  assert.deepEqual(errors, []);
  assert.deepEqual(page.trouble, []);
  await page.context().close();
}

for (const way of ALL) {
  test(`${named(way)} plays live`, { skip }, async (context) => {
    const page = await watch(browser, server, way[0], `/${NAME}/${way[1]}`, way[2]);
    const now = await goesOn(page);
    assert.ok(now.delay < way[3], `${now.delay} s behind`);
    // shaka-player leaves out what it thinks it needs not.
    if (way[0] !== 'shaka') assert.deepEqual(now.heights.sort((a, b) => a - b), [144, 270]);
    context.diagnostic(`${named(way)}: ${now.delay.toFixed(2)} s behind, first picture after `
      + `${Math.round(now.first)} ms, ${now.stalls} stalls`);
    await close(page);
  });
}

for (const way of [ALL[1], ALL[2]]) {
  test(`${named(way)} follows the network down and up`, { skip }, async () => {
    const page = await watch(browser, server, way[0], `/${NAME}/${way[1]}`, way[2]);
    await goesOn(page);
    await until('the best picture', async () => (await look(page)).height === 270, 20);
    const network = await page.context().newCDPSession(page);
    const limit = (bytes) => network.send('Network.emulateNetworkConditions', {
      offline: false, latency: 20, downloadThroughput: bytes, uploadThroughput: -1 });
    await network.send('Network.enable');
    await limit(60e3);
    await until('the smaller picture', async () => (await look(page)).height === 144, 30);
    await goesOn(page, 3);
    await limit(-1);
    await until('the larger picture', async () => (await look(page)).height === 270, 40);
    assert.ok((await look(page)).stalls <= 1);
    await close(page);
  });
}

for (const [index, way] of ENDED.entries()) {
  test(`${named(way)} plays what has ended`, { skip }, async () => {
    if (index === 0) {
      await encoder.stop();
      await until('the end', async () => (
        /static/.test(await (await fetch(`${server.url}/${NAME}/index.mpd`)).text())), 30);
    }
    const page = await watch(browser, server, way[0], `/${NAME}/${way[1]}`, way[2]);
    await goesOn(page);
    await close(page);
  });
}

for (const way of RECORDED) {
  test(`${named(way)} plays the recording`, { skip }, async () => {
    const page = await watch(browser, server, way[0], `/replay/${recording.id}/${way[1]}`, way[2]);
    const now = await goesOn(page);
    assert.ok(now.duration > 10, `${now.duration} s`);
    await close(page);
  });
}
