// Tiles, annotations, alarms, traffic split and versions.

import { versionColour } from '/charts.js';
import { nameOf } from '/detectors.js';
import { cohortId, cohortText, count, figure, fill, fixed, h, percent, pValue, span, wholeVersions } from '/format.js';

function tile(name, value, unit, note, tone) {
  return h(
    'div',
    { class: `tile ${tone ?? ''}` },
    h('div', { class: 'name' }, name),
    h('div', { class: 'value' }, value, unit ? h('small', {}, ` ${unit}`) : null),
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
  const share = live.router ? (live.router.requestsPerSecond > 0 ? failing / live.router.requestsPerSecond : 0) : null;
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
      failing > 0 ? `${fixed(failing, 1)} per second` : 'none',
      share > 0.01 ? 'bad' : share > 0 ? 'warn' : '',
    ),
    tile('Predictions', count(point.predictions ?? 0), '/s', `${count(counters.predictions)} in all`),
    tile(
      'Latency p99',
      point.p99Ms == null ? '–' : fixed(point.p99Ms, 1),
      'ms',
      point.p50Ms == null ? '' : `p50 ${fixed(point.p50Ms, 1)} ms`,
    ),
    tile('Labels joined', count(counters.labelsJoined), '', `${count(counters.unmatchedLabels)} unmatched`),
    tile('Windows closed', count(counters.windowsClosed), '', `${live.openWindows.length} open`),
    tile(
      'Active alarms',
      count(live.activeAlarms),
      '',
      `${count(counters.driftEvents)} drift events`,
      live.activeAlarms > 0 ? 'bad' : '',
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

/** Reference (grey) and live (red) shares side by side. */
function histogram({ bins, reference, live }) {
  const total = (values) => values.reduce((a, b) => a + b, 0) || 1;
  const [r, l] = [total(reference), total(live)];
  const top = Math.max(...reference.map((v) => v / r), ...live.map((v) => v / l), 1e-9);
  const bars = bins.map((bin, i) => {
    const bar = h(
      'span',
      { title: `${bin}: reference ${percent(reference[i] / r)}, window ${percent(live[i] / l)}` },
      h('b'),
      h('u'),
    );
    bar.children[0].style.height = `${(reference[i] / r / top) * 100}%`;
    bar.children[1].style.height = `${(live[i] / l / top) * 100}%`;
    return bar;
  });
  return h('div', { class: 'hist', role: 'img', 'aria-label': 'histogram of reference and window' }, ...bars);
}

/** @param {import('./answers.js').Alarm} alarm @param {import('./answers.js').DriftEvent[]} events */
const eventFor = (alarm, events) =>
  events.find(
    (e) =>
      e.feature === alarm.subject &&
      cohortId(e.cohort) === cohortId(alarm.cohort) &&
      e.window.startMs === alarm.windowStartMs,
  );

/** @param {import('./answers.js').Alarm} alarm */
function stateOf(alarm) {
  if (alarm.endedMs === null) return alarm.phase === 'drift' ? ['bad', 'drift'] : ['warn', 'warning'];
  return ['', alarm.endReason === 'retired' ? 'version retired' : 'calm again'];
}

/**
 * @param {HTMLElement} element
 * @param {import('./answers.js').Alarm[]} alarms
 * @param {import('./answers.js').DriftEvent[]} events
 */
export function showAlarms(element, alarms, events) {
  // What lasts stands first; the rest newest first, as it came.
  const shown = [...alarms].sort((a, b) => (a.endedMs === null ? 0 : 1) - (b.endedMs === null ? 0 : 1)).slice(0, 50);
  fill(element, JSON.stringify([shown, events.length]), () => {
    if (shown.length === 0)
      return h(
        'div',
        { class: 'none' },
        'No alarm so far. Every window is compared with the training data of the version that served it.',
      );
    const rows = shown.map((alarm) => {
      const [tone, text] = stateOf(alarm);
      const event = eventFor(alarm, events);
      return h(
        'tr',
        {},
        h('td', {}, h('span', { class: `pill ${tone}` }, text)),
        h('td', {}, h('strong', {}, nameOf(alarm.subject))),
        h('td', {}, alarm.detector, h('div', { class: 'formula' }, alarm.formula)),
        h('td', { class: 'num' }, figure(alarm.value), h('div', { class: 'muted' }, `of ${figure(alarm.threshold)}`)),
        h('td', { class: 'num' }, pValue(alarm.pValue)),
        h(
          'td',
          {},
          span(alarm.windowStartMs, alarm.windowEndMs),
          h('div', { class: 'muted' }, `${alarm.windows} window${alarm.windows === 1 ? '' : 's'}`),
        ),
        h('td', {}, cohortText(alarm.cohort)),
        h('td', {}, event?.histogram?.bins.length ? histogram(event.histogram) : ''),
      );
    });
    const heads = ['state', 'what', 'test', 'value', 'p', 'first window', 'of', 'reference / window'];
    return h(
      'div',
      { class: 'scroll' },
      h(
        'table',
        { class: 'data' },
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            ...heads.map((head, i) => h('th', { scope: 'col', class: i === 3 || i === 4 ? 'num' : undefined }, head)),
          ),
        ),
        h('tbody', {}, ...rows),
      ),
    );
  });
}

/** @param {HTMLElement} element @param {import('./answers.js').Live['route']} route */
export function showSplit(element, route) {
  fill(element, JSON.stringify(route), () => {
    if (!route) return h('p', { class: 'muted' }, 'No version serves yet.');
    const bars = route.targets
      .filter((target) => target.weight > 0)
      .map((target) => {
        const bar = h('div', {}, `version ${target.version} · ${target.name} · ${target.weight} %`);
        bar.style.background = versionColour(target.version);
        bar.style.flexGrow = target.weight;
        bar.style.flexBasis = '0';
        return bar;
      });
    const label = route.targets.map((t) => `version ${t.version} ${t.weight} percent`).join(', ');
    return [
      h('div', { class: 'split', role: 'img', 'aria-label': `Traffic split: ${label}` }, ...bars),
      h(
        'p',
        { class: 'muted' },
        `Route revision ${route.revision}${route.reason ? `: ${route.reason}` : ''}. Loaded: ${route.loadedVersions.join(', ') || 'none'}${route.previousVersion ? `; a rollback returns to ${route.previousVersion}` : ''}.`,
      ),
    ];
  });
}

/**
 * @param {HTMLElement} element
 * @param {import('./answers.js').Models['models']} models
 * @param {import('./answers.js').Quality['cohorts']} quality
 * @param {import('./answers.js').Live['route']} route
 */
export function showVersions(element, models, quality, route) {
  fill(element, JSON.stringify([models, quality, route?.targets]), () => {
    if (models.length === 0) return null;
    const rows = [...models].reverse().map((model) => {
      const live = wholeVersions(quality).find((row) => row.version === model.version);
      const serving = route?.targets.find((target) => target.version === model.version && target.weight > 0);
      const dot = h('span', { class: 'dot' });
      dot.style.background = versionColour(model.version);
      const baseline = model.baselines.find((b) => b.name === 'logistic');
      return h(
        'tr',
        {},
        h(
          'td',
          {},
          dot,
          h('strong', {}, `version ${model.version}`),
          serving ? h('span', { class: 'muted' }, ` ${serving.weight} %`) : '',
        ),
        h(
          'td',
          { title: model.reasons.join('\n') },
          h('span', { class: `pill ${model.blessed ? 'good' : 'bad'}` }, model.blessed ? 'blessed' : 'not blessed'),
        ),
        h('td', { class: 'num' }, fixed(model.auc, 4)),
        h('td', { class: 'num' }, fixed(model.logLoss, 4)),
        h('td', { class: 'num' }, baseline ? fixed(baseline.auc, 4) : '–'),
        h('td', { class: 'num' }, fixed(live?.auc, 4)),
        h('td', { class: 'num' }, fixed(live?.logLoss, 4)),
        h('td', { class: 'num' }, live ? count(live.labelledRows) : '0'),
        h('td', { class: 'num' }, count(model.trainRows)),
        h('td', { class: 'num' }, model.workers),
        h('td', { class: 'num', title: model.datasetVersions.join('\n') }, model.datasetVersions.length),
        h('td', { class: 'hash', title: model.sha256 }, model.sha256.slice(0, 10)),
      );
    });
    const heads = [
      'version',
      'gate',
      'AUC eval.',
      'log loss eval.',
      'logistic AUC',
      'AUC live',
      'log loss live',
      'labelled live',
      'trained on',
      'workers',
      'datasets',
      'hash',
    ];
    return h(
      'div',
      { class: 'scroll' },
      h(
        'table',
        { class: 'data' },
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            ...heads.map((head, i) => h('th', { scope: 'col', class: i > 1 && i < 11 ? 'num' : undefined }, head)),
          ),
        ),
        h('tbody', {}, ...rows),
      ),
    );
  });
}
