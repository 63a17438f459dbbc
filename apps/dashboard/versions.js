// How a model version looks, everywhere on the page: by its number alone, so that it keeps its look when another comes.
// Eight colours, and beside them three dashes and shapes in a cycle of another length, so that colour is never the only
// sign and 24 versions in a row all differ.

import { h } from '/format.js';

const COLOURS = 8;
const DASHES = [undefined, [9, 4], [7, 3, 2, 3]];
const SHAPES = ['round', 'square', 'diamond'];

const nth = (version, count) => (version - 1) % count;

/** For styles of elements; it follows the colour scheme. */
export const versionColour = (version) => `var(--version-${nth(version, COLOURS) + 1})`;
/** For a canvas. */
export const versionStroke = (version) =>
  getComputedStyle(document.documentElement)
    .getPropertyValue(`--version-${nth(version, COLOURS) + 1}`)
    .trim();
export const versionDash = (version) => DASHES[nth(version, DASHES.length)];

/** The mark before a version's name. */
export function versionDot(version) {
  const dot = h('span', { class: `dot ${SHAPES[nth(version, SHAPES.length)]}`, 'aria-hidden': 'true' });
  dot.style.background = versionColour(version);
  return dot;
}
