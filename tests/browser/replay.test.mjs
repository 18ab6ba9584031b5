// SPDX-License-Identifier: LGPL-2.1-or-later
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Encoder, launch, missing, open, Server, until } from './harness.mjs';

const skip = missing() || false;
let server;
let browser;

before(async () => {
  if (skip) return;
  server = await Server.start({ 'plugins.record': 'true' });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Records some seconds; gives the finished recording. */
async function record(name, seconds) {
  const token = readFileSync(path.join(server.folder, 'state/admin-token'), 'utf8').trim();
  const headers = { Authorization: `Bearer ${token}` };
  const get = async () => (await (await fetch(`${server.url}/api/v1/recordings`, { headers })).json())
    .recordings[0];
  const encoder = new Encoder(server, name, server.key(name));
  await until('the recording', async () => (await get())?.duration > seconds, 30);
  await encoder.stop();
  return until('the finished recording', async () => {
    const recording = await get();
    return recording.state === 'ready' && recording.poster && recording;
  });
}

/** Shows the recording in a <video> of its own. */
function show(page, recording) {
  return page.evaluate((address) => new Promise((resolve, reject) => {
    const video = document.createElement('video');
    video.id = 'replay';
    video.muted = true;
    video.onloadeddata = () => resolve({ duration: video.duration, width: video.videoWidth });
    video.onerror = () => reject(new Error(video.error.message));
    video.src = address;
    document.body.append(video);
  }), recording.play.mp4);
}

function seek(page, time) {
  return page.evaluate((to) => new Promise((resolve, reject) => {
    const video = document.getElementById('replay');
    video.onseeked = () => resolve(video.currentTime);
    video.onerror = () => reject(new Error(video.error.message));
    video.currentTime = to;
  }), time);
}

test('a recording plays and can be sought', { skip }, async () => {
  const recording = await record('live/physics', 5);
  const page = await open(browser, `${server.url}/`);
  const answers = [];
  page.on('response', (answer) => {
    if (answer.url().endsWith('.mp4')) answers.push(answer.status());
  });
  const about = await show(page, recording);
  assert.ok(Math.abs(about.duration - recording.duration) < 0.1, `${about.duration}`);
  assert.equal(about.width, 320);
  for (const time of [recording.duration - 1, 0.5, 3.2]) {
    assert.ok(Math.abs(await seek(page, time) - time) < 0.01);
  }
  await page.evaluate(() => document.getElementById('replay').play());
  const played = await until('the end', async () => {
    const now = await page.evaluate(() => {
      const video = document.getElementById('replay');
      return { ended: video.ended, frames: video.getVideoPlaybackQuality().totalVideoFrames,
        sound: video.webkitAudioDecodedByteCount };
    });
    return now.ended && now;
  });
  assert.ok(played.frames > 15 && played.sound > 0);
  assert.ok(answers.length > 0 && answers.every((status) => status === 206), `${answers}`);
  const poster = await page.evaluate(async (address) => {
    const image = new Image();
    image.src = address;
    await image.decode();
    return [image.naturalWidth, image.naturalHeight];
  }, recording.poster);
  assert.deepEqual(poster, [320, 180]);
  assert.deepEqual(page.trouble, []);
  assert.deepEqual(await page.evaluate(() => window.violations), []);
  await page.context().close();
});
