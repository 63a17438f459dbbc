// The dashboard: follows one project by server-sent events, and asks for windows, alarms and quality when something
// closed. Plain modules, no build step, nothing from other hosts.

import { drawLatency, drawQuality, drawTraffic } from '/charts.js';
import { learnDetectors } from '/detectors.js';
import { eventTime } from '/format.js';
import { showAlarms, showAnnotations, showSplit, showTiles, showVersions } from '/panels.js';
import { showWindows } from '/windows.js';

const at = (id) => document.getElementById(id);
const projectSelect = () => /** @type {HTMLSelectElement} */ (at('project'));
const POINTS_MAX = 300;
/** Quality grows between closed windows: asked for this often. */
const QUALITY_EVERY_MS = 5_000;
const PROJECTS_EVERY_MS = 3_000;

let project;
let source;
let points = [];
let seen = '';
let askedMs = 0;

async function ask(path) {
  const response = await fetch(path, { headers: { accept: 'application/json' } });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

function connection(text, tone) {
  const pill = at('connection');
  if (pill.textContent !== text) pill.textContent = text;
  pill.className = `pill ${tone}`;
}

function empty(text) {
  at('empty').hidden = text === '';
  at('empty').textContent = text;
  /** @type {NodeListOf<HTMLElement>} */
  const sections = document.querySelectorAll('main > :not(#empty)');
  for (const section of sections) {
    if (section.id !== 'annotations') section.hidden = text !== '';
  }
}

/**
 * @typedef {[import('./answers.js').Windows, import('./answers.js').Alarms, import('./answers.js').DriftEvents,
 *   import('./answers.js').Quality, import('./answers.js').Models]} Refreshed
 */

/** @param {import('./answers.js').Live} live */
async function refresh(live) {
  const key = JSON.stringify([live.counters?.windowsClosed, live.activeAlarms, live.route?.revision]);
  if (key === seen && live.atMs - askedMs < QUALITY_EVERY_MS) return;
  seen = key;
  askedMs = live.atMs;
  const base = `/v1/projects/${project}`;
  const [{ windows }, { alarms }, { driftEvents }, { cohorts }, { models }] = /** @type {Refreshed} */ (
    await Promise.all([
      ask(`${base}/windows?limit=120`),
      ask(`${base}/alarms`),
      ask(`${base}/drift-events?limit=100`),
      ask(`${base}/quality`),
      ask(`${base}/models`),
    ])
  );
  showWindows(at('windows'), at('window-detail'), windows);
  drawQuality(at('chart-auc'), windows, models, 'auc', 3);
  drawQuality(at('chart-loss'), windows, models, 'logLoss', 3);
  showAlarms(at('alarms'), alarms, driftEvents);
  showVersions(at('versions'), models, cohorts, live.route);
}

/** @param {import('./answers.js').Live} live */
function onLive(live) {
  connection('live', 'good');
  at('problem').textContent = live.problem;
  at('watermark').textContent = eventTime(live.watermarkMs);
  showAnnotations(at('annotations'), live.annotations);
  showTiles(at('tiles'), live);
  showSplit(at('split'), live.route);
  if (live.point && live.point.atMs !== points.at(-1)?.atMs) {
    points.push(live.point);
    if (points.length > POINTS_MAX) points.shift();
  }
  drawTraffic(at('chart-traffic'), points);
  drawLatency(at('chart-latency'), points);
  refresh(live).catch((error) => connection(String(error.message).slice(0, 60), 'warn'));
}

async function follow(name) {
  source?.close();
  project = name;
  seen = '';
  /** @type {import('./answers.js').Pulse} */
  const pulse = await ask(`/v1/projects/${name}/pulse`);
  points = [...pulse.points];
  empty('');
  source = new EventSource(`/v1/projects/${name}/live`);
  source.addEventListener('live', (event) => onLive(JSON.parse(event.data)));
  source.addEventListener('error', () => connection('reconnecting', 'warn'));
}

async function lookForProjects() {
  try {
    /** @type {import('./answers.js').Projects} */
    const { projects } = await ask('/v1/projects');
    const select = projectSelect();
    const known = [...select.options].map((option) => option.value);
    for (const name of projects) if (!known.includes(name)) select.add(new Option(name, name));
    select.parentElement.hidden = projects.length === 0;
    if (projects.length === 0) {
      empty('No project is applied yet. Apply one with: millrace apply <project.yaml>');
      connection('waiting', 'wait');
    } else if (project === undefined) {
      const wanted = decodeURIComponent(location.hash.slice(1));
      select.value = projects.includes(wanted) ? wanted : projects[0];
      await follow(select.value);
    }
  } catch {
    connection('monitor is not answering', 'bad');
  }
}

projectSelect().addEventListener('change', () => {
  const chosen = projectSelect().value;
  location.hash = chosen;
  follow(chosen).catch(() => connection('monitor is not answering', 'bad'));
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => location.reload());

at('foot').textContent =
  'Times of windows are event time, UTC. Traffic and latency are processing time. A test alarms when its value reaches the threshold and its p-value, where it has one, is below alpha; p is corrected for all tests of the window and version.';
await ask('/v1/detectors').then(learnDetectors, () => undefined); // names and formulas are shown where they are known
await lookForProjects();
setInterval(lookForProjects, PROJECTS_EVERY_MS);
