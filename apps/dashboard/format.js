// Numbers and elements; times are times.js. Everything goes in as text nodes; nothing is ever parsed as HTML.

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const grouped = new Intl.NumberFormat('en');

export const count = (n) => (n == null ? '–' : n >= 100_000 ? compact.format(n) : grouped.format(Math.round(n)));
export const fixed = (n, digits) => (n == null || Number.isNaN(n) ? '–' : n.toFixed(digits));
export const signed = (n) => (n == null ? '–' : `${n < 0 ? '−' : '+'}${fixed(Math.abs(n), 4)}`);
export const percent = (share) =>
  share == null ? '–' : `${(share * 100).toFixed(share !== 0 && Math.abs(share) < 0.01 ? 2 : 1)} %`;
export const figure = (n) =>
  n == null ? '–' : Math.abs(n) >= 100 ? n.toFixed(0) : Number(n.toPrecision(3)).toString();
export const pValue = (p) => (p == null ? '–' : p < 1e-4 ? '< 0.0001' : p.toFixed(4));

/** A cohort as the API gives it: { version: 3 | 'all', slice: { column, value } | 'all' }. */
export function cohortText({ version, slice }) {
  const versions = version === 'all' ? 'all versions' : `version ${version}`;
  return slice === 'all' ? versions : `${versions}, ${slice.column} ${slice.value}`;
}
/** Equal texts, equal cohorts. */
export const cohortId = (cohort) => JSON.stringify([cohort.version, cohort.slice.column, cohort.slice.value]);
/** The rows of a window, or of a range, that are of one version as a whole. */
export const wholeVersions = (rows) =>
  rows
    .filter(({ cohort }) => cohort.version !== 'all' && cohort.slice === 'all')
    .map((row) => ({ ...row, version: row.cohort.version }));

/** h('td', { class: 'num' }, 'text', child) */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Replaces the content only when what it shows has changed, so that focus and selection survive. */
export function fill(element, key, make) {
  if (element.dataset.key === key) return;
  element.dataset.key = key;
  element.replaceChildren(...[make()].flat().filter(Boolean));
}

/**
 * A table that becomes a list of cards on a phone: each cell knows its head. heads: [{ text, num? }]; rows:
 * arrays of cells, each a text, an element, or { cell attributes, content: [...] }.
 */
export function table(heads, rows) {
  const cells = (row) =>
    row.map((cell, i) => {
      const { content, ...attributes } = cell?.content === undefined ? { content: [cell] } : cell;
      const own = { ...attributes, role: 'cell', 'data-head': heads[i].text };
      const classes = [heads[i].num ? 'num' : '', attributes.class ?? ''].join(' ').trim();
      // One element in the cell, so that on a phone it stands as a whole beside its head.
      return h('td', { ...own, class: classes }, h('div', {}, ...content));
    });
  return h(
    'table',
    { class: 'data', role: 'table' },
    h(
      'thead',
      { role: 'rowgroup' },
      h(
        'tr',
        { role: 'row' },
        ...heads.map(({ text, num }) =>
          h('th', { scope: 'col', role: 'columnheader', class: num ? 'num' : undefined }, text),
        ),
      ),
    ),
    h('tbody', { role: 'rowgroup' }, ...rows.map((row) => h('tr', { role: 'row' }, ...cells(row)))),
  );
}
