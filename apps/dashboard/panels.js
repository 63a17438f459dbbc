// Tiles, annotations, marks of the charts, traffic split and versions.

import { count, fill, fixed, h, percent, signed, table, wholeVersions } from '/format.js';
import { wallMoment, wallTime } from '/times.js';
import { versionColour, versionDot } from '/versions.js';

function tile(name, value, unit, note, tone) {
  return h(
    'div',
    { class: `tile ${tone ?? ''}` },
    h('div', { class: 'name' }, name),
    h('div', { class: 'value' }, value, unit && value !== '–' ? h('small', {}, ` ${unit}`) : null),
    h('div', { class: 'note', title: note ?? '' }, note ?? ''),
  );
}

/** @param {HTMLElement} element @param {import('./answers.js').Live} live */
export function showTiles(element, live) {
  /** @type {Partial<NonNullable<typeof live.counters>>} */
  const counters = live.counters ?? {};
  /** @type {Partial<NonNullable<typeof live.point>>} */
  const point = live.point ?? {};
  const failing = live.router?.failuresPerSecond ?? 0;
  const share = live.router
    ? live.router.requestsPerSecond > 0
      ? failing / live.router.requestsPerSecond
      : null
    : null;
  element.replaceChildren(
    tile(
      'Router requests',
      live.router ? count(live.router.requestsPerSecond) : '–',
      '/s',
      live.router ? 'last reading' : 'no reading',
    ),
    tile(
      'Failed requests',
      share === null ? '–' : percent(share),
      '',
      share === null
        ? live.router
          ? 'no data: no request'
          : 'no data: no reading'
        : failing > 0
          ? `${fixed(failing, 1)} per second`
          : 'none',
      share > 0.01 ? 'bad' : share > 0 ? 'warn' : '',
    ),
    tile(
      'Predictions',
      count(point.predictions ?? 0),
      '/s',
      counters.reusedIds > 0
        ? `${count(counters.reusedIds)} of ${count(counters.predictions)} with a reused request id`
        : `${count(counters.predictions)} in all`,
      counters.reusedIds > 0 ? 'warn' : '',
    ),
    tile(
      'Latency p99',
      point.p99Ms == null ? '–' : fixed(point.p99Ms, 1),
      'ms',
      point.p50Ms == null ? 'no answers now' : `p50 ${fixed(point.p50Ms, 1)} ms`,
    ),
    live.labelled
      ? tile('Labels joined', count(counters.labelsJoined), '', `${count(counters.unmatchedLabels)} unmatched`)
      : tile('Labels joined', '–', '', 'there is no label'),
    tile('Windows closed', count(counters.windowsClosed), '', `${live.openWindows.length} open`),
    tile(
      'Active alarms',
      count(live.activeAlarms - live.idleAlarms),
      '',
      live.idleAlarms > 0
        ? `${count(live.idleAlarms)} without traffic now`
        : `${count(counters.driftEvents)} drift event${counters.driftEvents === 1 ? '' : 's'}`,
      live.activeAlarms > live.idleAlarms ? 'bad' : '',
    ),
    tile(
      'Behind',
      count(live.lag),
      'messages',
      live.lag > 10_000 ? 'catching up' : 'up to date',
      live.lag > 10_000 ? 'warn' : '',
    ),
  );
}

const MARKS = { running: '◐', done: '✓', failed: '✕' };

/** @param {HTMLElement} element @param {import('./answers.js').Live['annotations']} annotations */
export function showAnnotations(element, annotations) {
  element.hidden = annotations.length === 0;
  fill(element, JSON.stringify(annotations), () =>
    annotations.map((annotation) =>
      h(
        'div',
        { class: `annotation ${annotation.state}` },
        h(
          'div',
          { class: 'title' },
          h('span', { class: 'mark', 'aria-hidden': 'true' }, MARKS[annotation.state]),
          annotation.title,
          h('span', { class: 'sr' }, `: ${annotation.state}`),
        ),
        h('div', { class: 'text', title: annotation.detail }, annotation.detail),
        h('progress', {
          max: 1,
          value: annotation.state === 'done' ? 1 : (annotation.progress ?? 0),
          'aria-label': `${annotation.title} progress`,
        }),
      ),
    ),
  );
}

/** A share of an experiment in a part of the traffic need not be whole. */
const percentOf = (weight) => Number(weight.toFixed(1));

/** @param {NonNullable<import('./answers.js').Live['route']>} route @param {number} version */
function roleOf({ targets, experiment }, version) {
  if (experiment?.control === version) return 'control arm';
  if (experiment?.arms.some((arm) => arm.version === version)) return 'arm';
  // Beside an experiment, whoever has what takes no part in it.
  return targets.find((target) => target.version === version)?.name ?? '';
}

/** Arms that get nothing for now. @param {NonNullable<NonNullable<import('./answers.js').Live['route']>['experiment']>} experiment */
function missingText({ arms, control }) {
  const missing = arms.filter(({ isReady }) => !isReady).map(({ version }) => version);
  if (missing.length === 0) return '';
  const instead = missing.includes(control) ? 'others answer instead' : `version ${control} answers instead`;
  return ` Serving does not have version ${missing.join(', ')}: ${instead}.`;
}

/** @param {HTMLElement} element @param {import('./answers.js').Live} live */
export function showSplit(element, { route, atMs }) {
  fill(element, JSON.stringify(route), () => {
    if (!served(route)) return h('p', { class: 'muted' }, 'No version serves yet.');
    const { shares, experiment } = route;
    const bars = shares.map(({ version, weight }) => {
      const bar = h('div');
      bar.style.background = versionColour(version);
      bar.style.flexGrow = weight;
      return bar;
    });
    const names = shares.map(({ version, weight }) => {
      const role = roleOf(route, version);
      return h('li', {}, versionDot(version), `version ${version} · ${role} · ${percentOf(weight)} %`);
    });
    const label = shares.map(({ version, weight }) => `version ${version} ${percentOf(weight)} percent`).join(', ');
    return [
      h('div', { class: 'split', role: 'img', 'aria-label': `Traffic split: ${label}` }, ...bars),
      h('ul', { class: 'shares' }, ...names),
      experiment === null
        ? ''
        : h(
            'p',
            {},
            `Experiment ${experiment.name}: ${experiment.share} % of the traffic takes part, until ${wallMoment(experiment.endsAtMs, atMs)}.${missingText(experiment)}`,
          ),
      h(
        'p',
        { class: 'muted' },
        `Route revision ${route.revision}${route.reason ? `: ${route.reason}` : ''}. Loaded: ${route.loadedVersions.join(', ') || 'none'}${route.previousVersion ? `; a rollback returns to ${route.previousVersion}` : ''}.`,
      ),
    ];
  });
}

/** Whether anything answers: what may be called live. @param {import('./answers.js').Live['route']} route */
export const served = (route) => route !== null && route.shares.length > 0;

/** The lines of the charts above, in words. @param {HTMLElement} element @param {import('./answers.js').Live['marks']} marks */
export function showMarks(element, marks) {
  element.hidden = marks.length === 0;
  fill(element, JSON.stringify(marks), () =>
    marks.map(({ kind, atMs, text }) => h('li', { class: kind }, h('strong', {}, kind), ` ${wallTime(atMs)} ${text}`)),
  );
}

/** Of labels that met no prediction. @param {HTMLElement} element @param {string} say */
export function showLabelsSay(element, say) {
  element.hidden = say === '';
  if (element.textContent !== say) element.textContent = say;
}

const VERSION_HEADS = [
  { text: 'version' },
  { text: 'gate' },
  { text: 'AUC evaluated', num: true },
  { text: 'log loss evaluated', num: true },
  { text: 'logistic AUC', num: true },
  { text: 'AUC seen', num: true },
  { text: 'log loss seen', num: true },
  { text: 'labelled rows seen', num: true },
  { text: 'trained on', num: true },
  { text: 'workers', num: true },
  { text: 'datasets', num: true },
  { text: 'hash' },
];

/**
 * A version without a reference of its own is compared with its first rows; until there are enough nothing is judged.
 * @param {import('./answers.js').Models['models'][number]['reference']} reference
 */
function referencePill(reference) {
  if (reference === null || reference.complete) return '';
  const title = 'Windows are counted, not judged, until the reference is complete.';
  return h('span', { class: 'pill', title }, `reference: ${count(reference.rows)} of ${count(reference.of)} rows`);
}

/** A registered version without labelled rows was held to no gate. @param {import('./answers.js').Models['models'][number]} model */
function gatePill({ blessed, evaluatedRows }) {
  if (blessed) return h('span', { class: 'pill good' }, 'blessed');
  return evaluatedRows === 0
    ? h('span', { class: 'pill' }, 'not judged')
    : h('span', { class: 'pill bad' }, 'not blessed');
}

/** How it fared against the version that it had to beat. @param {import('./answers.js').Models['models'][number]} model */
function againstText({ champion }) {
  if (champion === null) return '';
  const { version, standing, metric, rows, difference, lower, upper, confidence } = champion;
  const by = `${metric} ${signed(difference)}, ${Math.round(confidence * 100)} % of ${signed(lower)} to ${signed(upper)}`;
  return h('small', {}, `${by}, against version ${version} (${standing}) on ${count(rows)} rows`);
}

/** Not one that was registered. @param {import('./answers.js').Models['models'][number]} model */
const isTrained = ({ workers }) => workers > 0;

/** Newest ones; a person looks for what serves and what came last, and `millrace models` has them all. */
const VERSIONS_SHOWN = 20;

/**
 * @param {HTMLElement} element
 * @param {import('./answers.js').Models['models']} models
 * @param {import('./answers.js').Quality['cohorts']} quality
 * @param {import('./answers.js').Live} live
 */
export function showVersions(element, models, quality, { project, route }) {
  fill(element, JSON.stringify([project, models, quality, route?.shares]), () => {
    if (models.length === 0) return null;
    const newest = [...models].reverse();
    const isShown = ({ version }, place) =>
      place < VERSIONS_SHOWN || route?.shares.some((share) => share.version === version);
    const shown = newest.filter(isShown);
    const older = newest.length - shown.length;
    const rows = shown.map((model) => {
      const seen = wholeVersions(quality).find((row) => row.version === model.version);
      const serving = route?.shares.find(({ version }) => version === model.version);
      const baseline = model.baselines.find((b) => b.name === 'logistic');
      return [
        {
          content: [
            versionDot(model.version),
            h('strong', {}, `version ${model.version}`),
            serving ? h('span', { class: 'pill good' }, `live ${percentOf(serving.weight)} %`) : '',
            referencePill(model.reference),
          ],
        },
        {
          title: [model.verdict, ...model.reasons].filter((one) => one !== '').join('\n'),
          content: [gatePill(model), againstText(model)],
        },
        fixed(model.auc, 4),
        fixed(model.logLoss, 4),
        baseline ? fixed(baseline.auc, 4) : '–',
        fixed(seen?.auc, 4),
        fixed(seen?.logLoss, 4),
        seen ? count(seen.labelledRows) : '0',
        isTrained(model) ? count(model.trainRows) : '–',
        isTrained(model) ? model.workers : '–',
        { title: model.datasetVersions.join('\n'), content: [model.datasetVersions.length || '–'] },
        { class: 'hash', title: model.sha256, content: [model.sha256.slice(0, 10)] },
      ];
    });
    const versions = table(VERSION_HEADS, rows);
    if (older === 0) return versions;
    const all = h('code', {}, `npx millrace models ${project}`);
    return [versions, h('p', { class: 'muted' }, `${older} older ones: `, all)];
  });
}
