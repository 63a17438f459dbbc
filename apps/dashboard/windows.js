// The windows as a heat strip: a row per subject, a column per closed window, oldest left. A cell shows the worst test
// of the window over all cohorts, as statistic / threshold; alarms carry a mark, so that colour is not the only sign.

import { versionColour } from '/charts.js';
import { formulaOf, nameOf } from '/detectors.js';
import { cohortText, count, figure, fill, h, pValue, shortDay, span, wholeVersions } from '/format.js';

const COLUMNS_MAX = 60;
let chosen;

const ratioOf = (test) => (test.threshold > 0 ? test.statistic / test.threshold : test.statistic > 0 ? 1 : 0);
const level = (ratio, alarm) => (alarm ? (ratio >= 2 ? 4 : 3) : ratio >= 0.75 ? 2 : ratio >= 0.4 ? 1 : 0);

/** @param {import('./answers.js').Window} window @param {string} subject */
function testsOf(window, subject) {
  return window.cohorts.flatMap(({ cohort, tests }) =>
    tests.filter((test) => test.feature === subject).map((test) => ({ ...test, cohort })),
  );
}

/** @param {import('./answers.js').Window[]} windows */
function subjectsOf(windows) {
  const all = new Set(windows.flatMap((w) => w.cohorts.flatMap((row) => row.tests.map((t) => t.feature))));
  const features = [...all].filter((name) => !name.startsWith('@'));
  return [...features, ...[...all].filter((name) => name.startsWith('@')).sort()];
}

function cellOf(window, subject, tests, detail) {
  if (tests.length === 0) return h('td', {}, h('span', { class: 'cell blank', title: 'not tested' }));
  const alarming = tests.filter((test) => test.alarm);
  const worst = (alarming.length > 0 ? alarming : tests).reduce((a, b) => (ratioOf(b) > ratioOf(a) ? b : a));
  const ratio = ratioOf(worst);
  const text =
    `${nameOf(subject)}, ${span(window.startMs, window.endMs)}: ${worst.detector} ${figure(worst.statistic)}` +
    ` of ${figure(worst.threshold)}${worst.alarm ? ', alarm' : ''}`;
  const id = `${subject}/${window.startMs}`;
  const button = h(
    'button',
    {
      class: `cell l${level(ratio, worst.alarm)}`,
      title: text,
      'aria-label': text,
      'aria-pressed': String(chosen === id),
      onclick: () => {
        chosen = chosen === id ? undefined : id;
        for (const cell of document.querySelectorAll('.heat .cell'))
          cell.setAttribute('aria-pressed', String(cell === button && chosen !== undefined));
        detail(chosen === undefined ? undefined : { window, subject, tests });
      },
    },
    worst.alarm ? '!' : '',
  );
  return h('td', {}, button);
}

function headOf(windows) {
  // A date on every sixth column: a label is wider than a cell.
  return h(
    'tr',
    {},
    h('td'),
    ...windows
      .filter((_, i) => i % 6 === 0)
      .map((w, i, every) =>
        h(
          'th',
          { scope: 'colgroup', colspan: i === every.length - 1 ? windows.length - 6 * i : 6 },
          shortDay(w.startMs),
        ),
      ),
  );
}

/** @param {import('./answers.js').Window[]} windows */
function versionsRow(windows) {
  return h(
    'tr',
    {},
    h('th', { scope: 'row' }, 'versions'),
    ...windows.map((window) => {
      const served = wholeVersions(window.cohorts).sort((a, b) => b.predictions - a.predictions);
      const bar = h('span', {
        class: 'bar',
        title: served.map((v) => `version ${v.version}: ${count(v.predictions)} rows`).join(', '),
      });
      const total = served.reduce((sum, v) => sum + v.predictions, 0);
      let at = 0;
      const stops = served
        .sort((a, b) => a.version - b.version)
        .map((v) => {
          const from = at;
          at += (v.predictions / total) * 100;
          return `${versionColour(v.version)} ${from}% ${at}%`;
        });
      if (stops.length > 0) bar.style.background = `linear-gradient(90deg, ${stops.join(', ')})`;
      return h('td', {}, bar);
    }),
  );
}

/**
 * @param {HTMLElement} element
 * @param {HTMLElement} detailElement
 * @param {import('./answers.js').Window[]} newestFirst
 */
export function showWindows(element, detailElement, newestFirst) {
  const windows = newestFirst.slice(0, COLUMNS_MAX).reverse();
  const detail = (choice) => showDetail(detailElement, choice);
  const before = element.dataset.key;
  fill(element, JSON.stringify([windows.length, windows.at(-1)?.startMs, windows[0]?.startMs]), () => {
    if (windows.length === 0) {
      return h(
        'div',
        { class: 'none' },
        'No window has closed yet. A window closes when event time has passed its end, the label delay and the allowed lateness.',
      );
    }
    const rows = subjectsOf(windows).map((subject) =>
      h(
        'tr',
        {},
        h('th', { scope: 'row' }, nameOf(subject)),
        ...windows.map((window) => cellOf(window, subject, testsOf(window, subject), detail)),
      ),
    );
    const legend = [
      ['', 'below 40 %'],
      ['l1', '40–75 %'],
      ['l2', '75 % and more'],
      ['l3', 'alarm (!)'],
      ['l4', 'alarm, twice the threshold'],
    ].map(([name, text]) => h('span', {}, h('i', { class: name }), text));
    return [
      h(
        'div',
        { class: 'strip' },
        h('table', {}, h('thead', {}, headOf(windows)), h('tbody', {}, ...rows, versionsRow(windows))),
      ),
      h('div', { class: 'legend' }, h('span', {}, 'of the threshold:'), ...legend),
    ];
  });
  const strip = element.querySelector('.strip');
  // The newest window comes into view when one was added, not while somebody reads an older one.
  if (strip !== null && element.dataset.key !== before) strip.scrollLeft = strip.scrollWidth;
}

function showDetail(element, choice) {
  if (choice === undefined) {
    element.replaceChildren();
    return;
  }
  const { window, subject, tests } = choice;
  const rows = tests.map((test) =>
    h(
      'tr',
      {},
      h('td', {}, test.detector),
      h('td', { class: 'num' }, figure(test.statistic)),
      h('td', { class: 'num' }, figure(test.threshold)),
      h('td', { class: 'num' }, pValue(test.pValue)),
      h('td', {}, cohortText(test.cohort)),
      h('td', { class: 'num' }, count(test.rows)),
      h('td', {}, h('span', { class: `pill ${test.alarm ? 'bad' : 'good'}` }, test.alarm ? 'alarm' : 'calm')),
      h('td', { class: 'formula' }, formulaOf(test.detector)),
    ),
  );
  const heads = ['test', 'value', 'threshold', 'p', 'of', 'rows', '', 'formula'];
  element.replaceChildren(
    h('h2', {}, nameOf(subject), h('span', { class: 'muted' }, span(window.startMs, window.endMs))),
    h(
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
            ...heads.map((head, i) =>
              h('th', { scope: 'col', class: i > 0 && i < 6 && i !== 4 ? 'num' : undefined }, head),
            ),
          ),
        ),
        h('tbody', {}, ...rows),
      ),
    ),
  );
}
