// Every version tells positive rows from negative ones better than answers by chance do: a model of labels that mean
// nothing may beat both a broken champion and a base rate that has moved since, and still knows nothing. For tasks
// whose scores are to put rows in order.

import { CHANCE } from '../comparisons/by-chance.js';
import { shownAgainst } from '../figure.js';
import { ADVICE } from './beats-trivial.js';
import type { Gate } from './gate.js';

const ONCE_IN = Math.round(1 / CHANCE).toLocaleString('en');

export const tellsApart: Gate = ({ chance, evaluation: { rows } }) => {
  if (chance === undefined) return [];
  const { auc, bound } = chance;
  if (Number.isNaN(auc + bound)) {
    const why = Number.isNaN(auc) ? 'they are all of one class' : 'it answers all of them alike';
    return [{ met: false, sentence: `Nothing tells ${rows} rows apart: ${why}.`, advice: ADVICE }];
  }
  const met = auc > bound;
  const than = `${met ? '' : 'not '}above what answers by chance reach once in ${ONCE_IN} times`;
  return [{ met, sentence: `AUC is ${than}: ${shownAgainst(auc, bound)} on ${rows} rows.`, advice: ADVICE }];
};
