// What a person has to know of labels that met no prediction. They were taken in, and nothing is wrong with them: who
// waits for figures of quality waits in vain.

/** Of the labels whose join is over; fewer are ordinary: of records that nobody asked a prediction for. */
const SHARE_TOLD = 0.01;

const grouped = new Intl.NumberFormat('en');

/** One sentence and what helps; empty where there is nothing to say. */
export function labelsSay(counted: {
  labelsJoined: number;
  unmatchedLabels: number;
  /** Of ids that several predictions have. */
  ambiguousLabels: number;
}): string {
  return [unmatched(counted), ambiguous(counted)].filter((sentence) => sentence !== '').join(' ');
}

type Counted = Parameters<typeof labelsSay>[0];

function ambiguous({ labelsJoined, ambiguousLabels }: Counted): string {
  if (ambiguousLabels === 0 || ambiguousLabels < (labelsJoined + ambiguousLabels) * SHARE_TOLD) return '';
  return (
    `${grouped.format(ambiguousLabels)} labels name a prediction id that several predictions have, and joined none: give ` +
    'each request an id of its own.'
  );
}

function unmatched({ labelsJoined, unmatchedLabels }: Counted): string {
  const all = labelsJoined + unmatchedLabels;
  if (unmatchedLabels === 0 || unmatchedLabels < all * SHARE_TOLD) return '';
  return (
    `${grouped.format(unmatchedLabels)} of ${grouped.format(all)} labels met no prediction: a label meets the prediction ` +
    'whose id it names, else the one whose request id is its record id (then row 0). Send labels with predictionId, ' +
    'or ask for predictions with the ids of their records.'
  );
}
