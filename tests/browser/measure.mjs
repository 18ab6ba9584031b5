// SPDX-License-Identifier: LGPL-2.1-or-later
// Not a test: how far behind the encoder players are, and when their first picture comes.
//
//   node measure.mjs [ROUNDS [KEY-FRAME-DISTANCE-IN-SECONDS]]
//
// The delay is from the wall time at which the server got a frame, which the playlists tell, to the
// time at which it is on the screen; what the encoder takes (one frame with zerolatency) comes on top.

import { Encoder, launch, open, Server, until } from './harness.mjs';
import { look, watch } from './players.mjs';

const rounds = Number(process.argv[2] || 5);
const distance = Number(process.argv[3] || 1);
const NAME = 'live/measure';
const SAMPLES = 15;
const WAYS = [['LL-HLS, hls.js', 'hls', 'index.m3u8', { lowLatency: true }],
  ['HLS, hls.js', 'hls', 'index.m3u8', {}], ['DASH, dash.js', 'dash', 'index.mpd', {}],
  ['LL-HLS, shaka', 'shaka', 'index.m3u8', {}], ['DASH, shaka', 'shaka', 'index.mpd', {}]];

const at = (values, part) => values.sort((a, b) => a - b)[Math.floor((values.length - 1) * part)];

const server = await Server.start({ 'plugins.hls': 'true', 'plugins.dash': 'true' });
const browser = await launch();
const encoder = new Encoder(server, NAME, server.key(NAME), { rate: 25, distance });
await server.live(NAME);
await new Promise((resolve) => { setTimeout(resolve, 13000); });

for (const [name, kind, file, options] of WAYS) {
  const delays = [];
  const firsts = [];
  let stalls = 0;
  for (let round = 0; round < rounds; round += 1) {
    const page = await watch(browser, server, kind, `/${NAME}/${file}`, options);
    const begun = await until('a picture', async () => {
      const now = await look(page);
      return now.first !== null && now;
    }, 40);
    firsts.push(begun.first);
    await page.waitForTimeout(1500);
    for (let i = 0; i < SAMPLES; i += 1) {
      delays.push((await look(page)).delay);
      await page.waitForTimeout(100);
    }
    stalls += (await look(page)).stalls;
    await page.context().close();
  }
  console.log(`${name}: delay median ${at(delays, 0.5).toFixed(2)} s, p95 ${at(delays, 0.95).toFixed(2)} s; `
    + `first picture median ${Math.round(at(firsts, 0.5))} ms, worst ${Math.round(at(firsts, 1))} ms; ${stalls} stalls`);
}
for (const way of ['flv', 'ws-flv']) {
  const firsts = [];
  const delays = [];
  for (let round = 0; round < rounds; round += 1) {
    const page = await open(browser, `${server.url}/demo/?${NAME}&player=${way}`);
    const fact = async (id) => parseFloat(await page.locator(`#fact-${id} dd`).textContent());
    firsts.push(await until('a picture', () => fact('first'), 40));
    await page.waitForTimeout(1500);
    delays.push(await fact('delay'));
    await page.context().close();
  }
  console.log(`${way}, mpegts.js: buffer median ${at(delays, 0.5).toFixed(2)} s; first picture median `
    + `${Math.round(at(firsts, 0.5))} ms with the player's script, worst ${Math.round(at(firsts, 1))} ms`);
}
await browser.close();
await encoder.stop();
await server.stop();
