// SPDX-License-Identifier: LGPL-2.1-or-later
// What is on the air, and the chosen stream in the player.

import { _, language, languages, preferredLanguage, recall, setLanguage, store } from './i18n.js';
import { Player } from './player.js';

const POLL = 2500;
const $ = (id) => document.getElementById(id);

const player = new Player($('video'));
let streams = null; // null until the server has answered once
let reachable = true;
let chosen = null;
let seen = false; // whether the chosen stream has been on the air since it was chosen
let refused = null; // the codecs of the chosen stream that this browser cannot play
let unheard = false; // whether that is only its sound
let transport = recall('lectern.transport') === 'http' ? 'http' : 'ws';

// ── choosing ────────────────────────────────────────────────────────────────────────────────────

/** The stream that the address names: /?live/physics */
function fromAddress() {
  try {
    const name = decodeURIComponent(location.search.slice(1).split('&')[0]);
    return /^[\w.~-]+\/[\w.~@-]+$/.test(name) ? name : null;
  } catch {
    return null;
  }
}

function choose(name) {
  if (name === chosen) return;
  chosen = name;
  seen = false;
  refused = null;
  unheard = false;
  player.stop();
  follow();
  render();
}

const current = () => streams?.find((stream) => stream.name === chosen);
// Renditions of a stream are the stream.
const onAir = () => (streams || []).filter((stream) => !stream.name.includes('@') && stream.state !== 'ended'
  && stream.state !== 'idle');

/** The best of what the server makes of the chosen stream for browsers, if it does. */
function rendition() {
  const { video } = current();
  const [best] = streams
    .filter((stream) => stream.name.startsWith(`${chosen}@`) && stream.state === 'live'
      && Boolean(stream.video) === Boolean(video))
    .sort((a, b) => (b.video?.height ?? 0) - (a.video?.height ?? 0));
  return best?.name;
}

/** What of STREAM the browser cannot play. */
function faultyTrack({ video, audio }) {
  return /audio/i.test(player.detail) || !video ? audio : video;
}

/** Plays while the stream is live; a publisher who is away keeps the viewers. */
function follow() {
  const stream = current();
  const state = stream?.state;
  if (state === 'live') {
    seen = true;
    document.body.classList.toggle('sound-only', !stream.video && Boolean(stream.audio));
    const codecs = `${stream.video?.codec} ${stream.audio?.codec}`;
    if (refused && refused !== codecs) {
      // The teacher came back with another encoder.
      refused = null;
      unheard = false;
      player.stop();
    }
    if (player.state === 'unsupported') {
      refused = codecs;
      unheard ||= Boolean(stream.video) && faultyTrack(stream) === stream.audio;
    }
    const better = refused && rendition();
    player.play(better || chosen, transport, unheard && !better);
  } else if (reachable && streams && state !== 'away') {
    player.stop();
  }
}

async function poll() {
  try {
    const answer = await fetch('/api/v1/streams', { cache: 'no-store' });
    if (!answer.ok) throw new Error(String(answer.status));
    streams = (await answer.json()).streams;
    reachable = true;
  } catch {
    reachable = false;
  }
  const live = onAir();
  if (!chosen && live.length === 1) {
    history.replaceState(null, '', `/?${live[0].name}`);
    choose(live[0].name);
  }
  follow();
  render();
}

// ── showing ─────────────────────────────────────────────────────────────────────────────────────

function setText(id, text) {
  const element = $(id);
  if (element.textContent !== text) element.textContent = text;
}

function stateName(stream) {
  switch (stream?.state) {
    case 'live': return _('Live');
    case 'away': return _('Away');
    default: return seen ? _('Ended') : _('Not live');
  }
}

function facts(stream) {
  const { video, audio } = stream;
  const parts = [_('Viewers: {0}', stream.viewers ?? 0)];
  if (video?.width) parts.push(`${video.width}×${video.height}`);
  if (video?.fps) parts.push(`${Math.round(video.fps)} fps`);
  if (stream.bitrate) parts.push(`${(stream.bitrate / 1e6).toFixed(1)} Mbit/s`);
  const codecs = [video, audio].filter(Boolean).map((track) => track.codec);
  if (codecs.length) parts.push(codecs.join(' + '));
  if (!video && audio) parts.push(_('Sound only'));
  return parts;
}

/** What stands over the picture: [text, whether something is being waited for]. */
function message() {
  const stream = current();
  if (player.state === 'missing') {
    return [_('The player is not installed on this server: run “./dev build”.'), false];
  }
  if (player.state === 'unsupported') {
    const codec = stream && faultyTrack(stream)?.codec;
    return [codec ? _('This browser cannot play {0}.', codec)
      : _('This browser cannot play live video.'), false];
  }
  if (!reachable) return [_('The server cannot be reached. Trying again…'), true];
  if (!streams) return [_('Loading…'), true];
  if (stream?.state === 'away') return [_('The teacher’s connection was lost. Waiting…'), true];
  if (stream?.state !== 'live') {
    return [seen ? _('The lesson has ended.')
      : _('Not live yet. The picture comes by itself.'), false];
  }
  if (player.state === 'lost') return [_('The connection was lost. Trying again…'), true];
  if (player.state === 'playing' || player.state === 'blocked') return ['', false];
  return [_('Connecting…'), true];
}

/** What stands beside a picture that moves, or nothing. */
function note() {
  const codec = player.silent && player.state === 'playing' && current()?.audio?.codec;
  return codec ? _('No sound: this browser cannot play {0}.', codec) : '';
}

function renderStage() {
  const stream = current();
  const [text, waiting] = message();
  $('stage').hidden = !chosen;
  document.body.classList.toggle('watching', Boolean(chosen));
  if (!chosen) return;
  setText('name', chosen);
  setText('state', stateName(stream));
  $('state').dataset.state = stream?.state || 'ended';
  setText('facts', stream ? facts(stream).join(' · ') : '');
  setText('message-text', text);
  $('message').classList.toggle('shown', Boolean(text));
  setText('note', text ? '' : note());
  $('spinner').hidden = !waiting;
  renderControls();
}

function renderControls() {
  const { muted, volume } = $('video');
  const silent = muted || volume === 0;
  const running = player.state === 'playing';
  const full = Boolean(document.fullscreenElement);
  const hasSound = Boolean(current()?.audio) && !player.silent;
  $('start').hidden = player.state !== 'blocked';
  $('unmute').hidden = !(running && muted && hasSound);
  $('mute').setAttribute('aria-pressed', String(silent));
  $('mute').title = silent ? _('Sound on (m)') : _('Sound off (m)');
  $('mute').setAttribute('aria-label', silent ? _('Sound on') : _('Sound off'));
  $('volume').value = muted ? 0 : volume;
  $('fullscreen').title = full ? _('Leave full screen (f)') : _('Full screen (f)');
  $('fullscreen').setAttribute('aria-label', full ? _('Leave full screen') : _('Full screen'));
  for (const button of $('transport').children) {
    button.setAttribute('aria-pressed', String(button.dataset.transport === transport));
  }
}

function streamItem(stream) {
  const item = document.createElement('li');
  const link = document.createElement('a');
  const name = document.createElement('strong');
  const state = document.createElement('span');
  const about = document.createElement('small');
  link.href = `/?${stream.name}`;
  link.dataset.stream = stream.name;
  if (stream.name === chosen) link.setAttribute('aria-current', 'true');
  name.textContent = stream.name;
  state.className = 'pill';
  state.dataset.state = stream.state;
  state.textContent = stateName(stream);
  about.textContent = facts(stream).slice(0, 2).join(' · ');
  link.append(name, state, about);
  item.append(link);
  return item;
}

function renderList() {
  const live = onAir();
  const list = $('streams');
  const focused = document.activeElement?.dataset?.stream;
  list.replaceChildren(...live.map(streamItem));
  if (focused) list.querySelector(`[data-stream="${CSS.escape(focused)}"]`)?.focus();
  document.body.classList.toggle('nothing', live.length === 0);
  $('list').hidden = !streams || (live.length === 1 && live[0].name === chosen);
  $('empty').hidden = live.length > 0;
  $('push').hidden = !streams || live.length > 0;
}

function render() {
  renderStage();
  renderList();
  document.title = chosen ? `${chosen} · Lectern` : 'Lectern';
}

/** Everything that does not change while the language stays. */
function renderTexts() {
  setText('language-label', _('Language'));
  setText('list-title', _('On the air'));
  setText('empty', _('Nothing is live at the moment. This page looks again every few seconds.'));
  $('start').lastElementChild.textContent = _('Play');
  $('unmute').lastElementChild.textContent = _('Turn the sound on');
  $('volume').setAttribute('aria-label', _('Volume'));
  $('transport').setAttribute('aria-label', _('Connection'));
  $('transport').children[0].title = _('Over a WebSocket');
  $('transport').children[1].title = _('Over plain HTTP');
  setText('push-title', _('Start a lesson'));
  setText('push-intro', _('Push to this server from OBS, ffmpeg or another RTMP encoder:'));
  setText('push-server-label', _('Server'));
  setText('push-key-label', _('Stream key'));
  setText('push-make-label', _('Make a key, on the server'));
  setText('push-obs', _('In OBS: Settings, Stream, Service “Custom…”.'));
  setText('push-encoder', _('Best: H.264 and AAC, a key frame every 2 seconds, tune “zerolatency”.'));
  for (const button of document.querySelectorAll('[data-copy]')) button.textContent = _('Copy');
  render();
}

// ── acting ──────────────────────────────────────────────────────────────────────────────────────

function toggleSound() {
  const video = $('video');
  const silent = video.muted || video.volume === 0;
  if (silent && video.volume === 0) video.volume = 1;
  video.muted = !silent;
}

async function toggleFullscreen() {
  const video = $('video');
  if (document.fullscreenElement) await document.exitFullscreen();
  else if ($('screen').requestFullscreen) await $('screen').requestFullscreen();
  else video.webkitEnterFullscreen?.(); // iPhones know only this
}

function setTransport(value) {
  transport = value;
  store('lectern.transport', value);
  if (player.name) follow();
  renderControls();
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText($(button.dataset.copy).textContent);
    button.textContent = _('Copied');
    setTimeout(() => { button.textContent = _('Copy'); }, 1500);
  } catch {
    getSelection().selectAllChildren($(button.dataset.copy));
  }
}

async function pushUrl() {
  try {
    const settings = await (await fetch('/page/settings.json')).json();
    if (settings['push-url']) return settings['push-url'];
  } catch {
    // The usual address will do.
  }
  return `rtmp://${location.hostname}/live`;
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !chosen) return;
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  if (event.key === 'm') toggleSound();
  if (event.key === 'f') toggleFullscreen();
}

function onClick(event) {
  const link = event.target.closest('a[data-stream], a.brand');
  const button = event.target.closest('button');
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    history.pushState(null, '', link.href);
    choose(link.dataset.stream || null);
  } else if (button?.dataset.transport) {
    setTransport(button.dataset.transport);
  } else if (button?.dataset.copy) {
    copy(button);
  }
}

async function start() {
  const select = $('language');
  for (const [code, name] of Object.entries(languages)) select.add(new Option(name, code));
  select.addEventListener('change', async () => {
    await setLanguage(select.value, { remember: true });
    renderTexts();
  });
  await setLanguage(preferredLanguage());
  select.value = language();

  setText('push-server', await pushUrl());
  document.addEventListener('click', onClick);
  document.addEventListener('keydown', onKey);
  document.addEventListener('fullscreenchange', renderControls);
  window.addEventListener('popstate', () => choose(fromAddress()));
  $('mute').addEventListener('click', toggleSound);
  $('unmute').addEventListener('click', toggleSound);
  $('start').addEventListener('click', () => player.start());
  $('fullscreen').addEventListener('click', toggleFullscreen);
  $('video').addEventListener('volumechange', renderControls);
  $('video').addEventListener('click', () => { if ($('video').muted) toggleSound(); });
  $('volume').addEventListener('input', () => {
    $('video').volume = Number($('volume').value);
    $('video').muted = $('video').volume === 0;
  });
  player.addEventListener('state', () => {
    if (player.state === 'unsupported') follow();
    if (player.state === 'lost') poll(); // the lesson may have ended
    renderStage();
  });
  setInterval(() => {
    setText('buffer', player.state === 'playing' ? _('{0} s buffer', player.behind.toFixed(1)) : '');
  }, 1000);

  renderTexts();
  choose(fromAddress());
  await poll();
  setInterval(poll, POLL);
}

start();
