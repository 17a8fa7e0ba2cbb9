// Sound, camera and microphone. Without a click they only look; a click plays, or opens the device for a moment.

/** How long a microphone may be silent before it counts as muted, and how long a camera may be black, in ms. */
const LISTEN_MS = 3000;
/** Loudness below which a microphone hears nothing: digital silence has exactly 0. */
const SILENCE = 0.0005;
/** Mean brightness (0–255) below which a picture is black. */
const BLACK = 4;

/** @typedef {import('../diag/diagnostics.js').Context} Context */
/** @typedef {import('../diag/diagnostics.js').Finding} Finding */

/** @type {import('../diag/diagnostics.js').Check[]} */
export const DEVICES = [
  { id: 'sound', group: 'devices', kind: 'passive', run: soundAllowed },
  { id: 'sound_test', group: 'devices', kind: 'active', timeout: 40_000, run: soundHeard },
  { id: 'camera', group: 'devices', kind: 'passive', run: () => look('camera', 'videoinput') },
  { id: 'camera_test', group: 'devices', kind: 'active', timeout: 40_000, run: camera },
  { id: 'microphone', group: 'devices', kind: 'passive', run: () => look('microphone', 'audioinput') },
  { id: 'microphone_test', group: 'devices', kind: 'active', timeout: 40_000, run: microphone },
];

/** Whether the page may play at all before a click. @returns {Promise<Finding>} */
async function soundAllowed() {
  if (!('AudioContext' in window)) return { status: 'warn', code: 'sound_unsupported' };
  const audio = new AudioContext();
  const { state } = audio;
  await audio.close();
  return state === 'running' ? { status: 'ok' } : { status: 'info', code: 'autoplay_blocked', evidence: { state } };
}

/** Two soft tones, then the question. @param {Context} context @returns {Promise<Finding>} */
async function soundHeard({ ask }) {
  const audio = new AudioContext();
  await audio.resume();
  const played = [660, 880].map((pitch, index) => tone(audio, pitch, audio.currentTime + index * 0.25));
  await Promise.all(played);
  const answer = await ask('heard');
  await audio.close();
  if (answer === 'yes') return { status: 'ok' };
  return answer === 'no' ? { status: 'fail', code: 'output_silent' } : { status: 'needs_action', code: 'no_answer' };
}

/** @param {AudioContext} audio @param {number} pitch in Hz @param {number} at seconds of the context's clock */
function tone(audio, pitch, at) {
  const [source, volume] = [audio.createOscillator(), audio.createGain()];
  source.frequency.value = pitch;
  volume.gain.setValueAtTime(0, at);
  volume.gain.linearRampToValueAtTime(0.2, at + 0.02);
  volume.gain.exponentialRampToValueAtTime(0.001, at + 0.22);
  source.connect(volume).connect(audio.destination);
  source.start(at);
  source.stop(at + 0.24);
  return new Promise((resolve) => { source.onended = resolve; });
}

/** @param {'camera' | 'microphone'} name @param {MediaDeviceKind} kind @returns {Promise<Finding>} */
async function look(name, kind) {
  if (!navigator.mediaDevices) return { status: 'skipped', code: 'insecure_context' };
  const permission = await state(name);
  const devices = (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === kind).length;
  const evidence = { permission, devices };
  if (permission === 'denied') return { status: 'warn', code: `${name}_denied`, evidence };
  return devices > 0 ? { status: 'ok', evidence } : { status: 'info', code: `${name}_none`, evidence };
}

/** @param {string} name @returns {Promise<PermissionState | 'unknown'>} */
async function state(name) {
  const query = navigator.permissions?.query({ name: /** @type {any} */ (name) });
  return (await query?.catch(() => null))?.state ?? 'unknown';
}

/** @param {Context} context @returns {Promise<Finding>} */
async function camera({ signal }) {
  return withDevice('camera', { video: true }, signal, async (stream) => {
    const video = document.createElement('video');
    video.muted = true;
    video.srcObject = stream;
    await video.play();
    const brightness = await brightest(video);
    video.srcObject = null;
    const evidence = { brightness: Math.round(brightness) };
    return brightness < BLACK ? { status: 'warn', code: 'camera_black', evidence } : { status: 'ok', evidence };
  });
}

/** @param {HTMLVideoElement} video */
async function brightest(video) {
  const canvas = new OffscreenCanvas(32, 24);
  const pencil = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d', { willReadFrequently: true }));
  let best = 0;
  for (const end = performance.now() + LISTEN_MS; performance.now() < end && best < BLACK;) {
    await new Promise((resolve) => requestAnimationFrame(resolve));
    pencil.drawImage(video, 0, 0, canvas.width, canvas.height);
    const { data } = pencil.getImageData(0, 0, canvas.width, canvas.height);
    const sum = data.reduce((total, value, index) => (index % 4 === 3 ? total : total + value), 0);
    best = Math.max(best, sum / (data.length * 0.75));
  }
  return best;
}

/** @param {Context} context @returns {Promise<Finding>} */
async function microphone({ signal }) {
  return withDevice('microphone', { audio: true }, signal, async (stream) => {
    const audio = new AudioContext();
    await audio.resume();
    const meter = audio.createAnalyser();
    audio.createMediaStreamSource(stream).connect(meter);
    const samples = new Float32Array(meter.fftSize);
    let peak = 0;
    for (const end = performance.now() + LISTEN_MS; performance.now() < end && peak < SILENCE;) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
      meter.getFloatTimeDomainData(samples);
      peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), peak);
    }
    await audio.close();
    const evidence = { peak: Number(peak.toFixed(4)) };
    return peak < SILENCE ? { status: 'warn', code: 'microphone_silent', evidence } : { status: 'ok', evidence };
  });
}

/**
 * Opens a device, looks through it, and lets it go whatever happens.
 * @param {'camera' | 'microphone'} name @param {MediaStreamConstraints} wanted @param {AbortSignal} signal
 * @param {(stream: MediaStream) => Promise<Finding>} use @returns {Promise<Finding>}
 */
async function withDevice(name, wanted, signal, use) {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia(wanted);
  } catch (error) {
    return refused(name, error, await state(name));
  }
  const release = () => stream.getTracks().forEach((track) => track.stop());
  signal.addEventListener('abort', release);
  try {
    return await use(stream);
  } finally {
    release();
  }
}

/** @param {string} name @param {unknown} error @param {string} permission @returns {Finding} */
function refused(name, error, permission) {
  const kind = error instanceof DOMException ? error.name : 'unknown';
  const evidence = { error: kind, permission };
  // A site that may and a device that may not be opened: the system itself says no.
  const denied = permission === 'granted' ? 'os_denied' : 'denied';
  const why = /** @type {Record<string, string>} */ ({
    NotAllowedError: denied, NotFoundError: 'none', OverconstrainedError: 'none', NotReadableError: 'in_use', AbortError: 'in_use', SecurityError: 'denied',
  })[kind] ?? 'in_use';
  return { status: 'fail', code: `${name}_${why}`, evidence };
}
