// The dashboard: an overview of all projects, or one project, followed by server-sent events; windows, alarms and
// quality are asked for when something closed. The part of the address after # says which: #/ is the overview, #NAME
// a project; without it a project that is alone opens at once. Plain modules, no build step, nothing from other
// hosts.

import { showAlarms } from '/alarms.js';
import { showAudit } from '/audit.js';
import { drawLatency, drawQuality, drawTraffic } from '/charts.js';
import { learnDetectors } from '/detectors.js';
import { showLoop } from '/loop.js';
import { showNext, showOverview } from '/overview.js';
import { served, showAnnotations, showLabelsSay, showMarks, showSplit, showTiles, showVersions } from '/panels.js';
import { showRollout } from '/rollout.js';
import { watchSaying } from '/steer.js';
import { eventTime } from '/times.js';
import { showWindows } from '/windows.js';

const at = (id) => document.getElementById(id);
const projectSelect = () => /** @type {HTMLSelectElement} */ (at('project-select'));
const POINTS_MAX = 300;
/** Quality grows between closed windows: asked for this often. */
const QUALITY_EVERY_MS = 5_000;
const PROJECTS_EVERY_MS = 3_000;
const AUDIT_SHOWN = 20;
const OVERVIEW = '/';

/** The project that is followed; undefined: the overview. */
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

/** @param {'start' | 'overview' | 'project'} view */
function show(view) {
  for (const id of ['start', 'overview', 'project']) at(id).hidden = id !== view;
  at('clock').hidden = view !== 'project';
  at('foot').hidden = view !== 'project';
}

/**
 * @typedef {[import('./answers.js').Windows, import('./answers.js').Alarms, import('./answers.js').DriftEvents,
 *   import('./answers.js').Quality, import('./answers.js').Models, import('./answers.js').Audit | null]} Refreshed
 */

/** @param {import('./answers.js').Live} live */
async function refresh(live) {
  const { windowsClosed, qualityJudged, qualityCorrected } = live.counters ?? {};
  const judged = [windowsClosed, qualityJudged, qualityCorrected];
  const key = JSON.stringify([
    judged,
    live.activeAlarms,
    live.route?.revision,
    live.loop?.last,
    live.closesAtMs,
    innerWidth,
  ]);
  if (key === seen && live.atMs - askedMs < QUALITY_EVERY_MS) return;
  seen = key;
  askedMs = live.atMs;
  const base = `/v1/projects/${live.project}`;
  const [{ windows }, { alarms }, { driftEvents }, { cohorts }, { models }, audit] = /** @type {Refreshed} */ (
    await Promise.all([
      ask(`${base}/windows?limit=120`),
      ask(`${base}/alarms`),
      ask(`${base}/drift-events?limit=100`),
      ask(`${base}/quality`),
      ask(`${base}/models`),
      ask(`${base}/audit?limit=${AUDIT_SHOWN}`).catch(() => null), // the monitor may not have read it yet
    ])
  );
  if (live.project !== project) return;
  showWindows(at('windows'), at('window-detail'), windows, live.minRows, live.closesAtMs);
  const none = live.labelled
    ? `No labelled window yet${live.labelsSay === '' ? ': quality appears when labels have arrived' : ''}.`
    : 'The project has no label, so how good its answers are is not known.';
  drawQuality(at('chart-auc'), windows, models, 'auc', 3, none);
  drawQuality(at('chart-loss'), windows, models, 'logLoss', 3, none);
  showAlarms(at('alarms'), at('announced'), alarms, driftEvents, windows[0], live.minRows);
  showVersions(at('versions'), models, cohorts, live);
  at('audit').parentElement.hidden = audit === null;
  if (audit !== null) showAudit(at('audit'), audit, live.atMs);
}

/** @param {import('./answers.js').Live} live */
function onLive(live) {
  if (served(live.route)) connection('live', 'good');
  else connection('nothing served', 'wait');
  at('problem').textContent = live.problem === live.project ? '' : live.problem;
  at('watermark').textContent = eventTime(live.watermarkMs);
  showNext(at('next'), live.next);
  showLoop({ text: at('loop'), words: at('loop-words') }, live);
  showRollout(at('rollout'), live);
  watchSaying(live);
  showAnnotations(at('annotations'), live.annotations);
  showTiles(at('tiles'), live);
  showMarks(at('marks'), live.marks);
  showLabelsSay(at('labels-say'), live.labelsSay);
  showSplit(at('split'), live);
  if (live.point && live.point.atMs !== points.at(-1)?.atMs) {
    points.push(live.point);
    if (points.length > POINTS_MAX) points.shift();
  }
  drawTraffic(at('chart-traffic'), points, live.marks);
  drawLatency(at('chart-latency'), points, live.marks);
  refresh(live).catch((error) => connection(String(error.message).slice(0, 60), 'warn'));
}

async function follow(name) {
  leave();
  project = name;
  seen = '';
  /** @type {import('./answers.js').Pulse} */
  const pulse = await ask(`/v1/projects/${name}/pulse`);
  if (project !== name) return;
  points = [...pulse.points];
  show('project');
  source = new EventSource(`/v1/projects/${name}/live`);
  source.addEventListener('live', (event) => onLive(JSON.parse(event.data)));
  source.addEventListener('error', () => connection('reconnecting', 'warn'));
}

function leave() {
  source?.close();
  source = undefined;
  project = undefined;
}

/** @param {string[]} names */
function offer(names, chosen) {
  const select = projectSelect();
  const wanted = [OVERVIEW, ...names];
  if (wanted.join() !== [...select.options].map((option) => option.value).join()) {
    select.replaceChildren(...wanted.map((name) => new Option(name === OVERVIEW ? 'All projects' : name, name)));
  }
  select.value = chosen ?? OVERVIEW;
  select.parentElement.hidden = names.length === 0;
  at('back').hidden = chosen === undefined;
}

/** What the address asks for, of what there is. */
function wantedOf(names) {
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (names.includes(wanted)) return wanted;
  return wanted === '' && names.length === 1 ? names[0] : undefined;
}

async function look() {
  try {
    /** @type {import('./answers.js').Overviews} */
    const { atMs, projects, next } = await ask('/v1/overview');
    const names = projects.map(({ name }) => name);
    const wanted = wantedOf(names);
    offer(names, wanted);
    document.title = wanted === undefined ? 'Millrace' : `${wanted} – Millrace`;
    if (wanted !== undefined) {
      if (project !== wanted) await follow(wanted);
      return;
    }
    leave();
    at('problem').textContent = '';
    show(next === null ? 'overview' : 'start');
    connection(next === null ? 'connected' : 'no project yet', next === null ? 'good' : 'wait');
    showNext(at('start'), next);
    if (next === null) showOverview(at('projects'), projects, atMs);
  } catch {
    leave();
    connection('monitor is not answering', 'bad');
  }
}

projectSelect().addEventListener('change', () => {
  location.hash = projectSelect().value;
});
addEventListener('hashchange', async () => {
  await look();
  // What had the focus is hidden by now.
  at('main').focus({ preventScroll: true });
});
document.querySelector('.skip').addEventListener('click', (event) => {
  // The part of the address after # names what is shown.
  event.preventDefault();
  at('main').focus();
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => location.reload());

at('foot').textContent =
  'Times of windows are event time, UTC. Traffic and latency are processing time. A test alarms when its value reaches the threshold and its p-value, where it has one, is below alpha; p is corrected for all tests of the window and version.';
await ask('/v1/detectors').then(learnDetectors, () => undefined); // names and formulas are shown where they are known
await look();
setInterval(look, PROJECTS_EVERY_MS);
