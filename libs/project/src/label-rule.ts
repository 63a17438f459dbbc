// The label rule of a project: column, operation, value → label. 1 and 0 for comparisons; identity passes numbers and
// booleans through.

import type { Scalar } from '@millrace/domain';
import type { LabelSpec } from './project.js';

/** The label of a raw outcome, or null: no rule, no outcome, or one of a type that the rule cannot compare. */
export function applyLabelRule(label: LabelSpec | undefined, raw: Scalar | undefined): number | null {
  if (label === undefined || raw === null || raw === undefined) return null;
  if (typeof raw === 'number' && !Number.isFinite(raw)) return null;
  const bound = label.value;
  switch (label.operation) {
    case 'identity':
      if (typeof raw === 'number') return raw;
      return typeof raw === 'boolean' ? Number(raw) : null;
    case 'eq':
      return typeof raw === typeof bound ? Number(raw === bound) : null;
    case 'ne':
      return typeof raw === typeof bound ? Number(raw !== bound) : null;
    default:
      break;
  }
  if (typeof raw !== 'number' || typeof bound !== 'number') return null;
  switch (label.operation) {
    case 'gt':
      return Number(raw > bound);
    case 'ge':
      return Number(raw >= bound);
    case 'lt':
      return Number(raw < bound);
    case 'le':
      return Number(raw <= bound);
  }
}

const SIGNS = { eq: '=', ne: '!=', gt: '>', ge: '>=', lt: '<', le: '<=' } as const;

/** The rule's condition for people, such as `= "rain"`; empty where the column itself is the label. */
export const labelCondition = ({ operation, value }: Pick<LabelSpec, 'operation' | 'value'>): string =>
  operation === 'identity' ? '' : `${SIGNS[operation]} ${JSON.stringify(value)}`;

/** Why a training of a project without label is refused, wherever it is asked for. */
export const nothingToLearn = (project: string): string =>
  `project '${project}' has no label, so there is nothing to learn: add data.label (its name, and the column ` +
  'that carries the outcome) to the project file, apply it, and bring rows with their outcome';
