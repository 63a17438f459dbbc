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

/** White space around a text, and its ASCII letters' case, as people vary them. */
const folded = (text: string): string =>
  text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '').replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/**
 * Why an outcome is none, though the rule would make a label of it: it is the rule's value in another spelling, and
 * would count as its opposite. undefined for any other.
 */
export function outcomeFault(label: LabelSpec | undefined, raw: unknown): string | undefined {
  const value = label?.value;
  if (typeof raw !== 'string' || typeof value !== 'string' || raw === value || folded(raw) !== folded(value)) return;
  return `${JSON.stringify(raw)} is ${JSON.stringify(value)} but for its spelling, and would count as its opposite`;
}

const SIGNS = { eq: '=', ne: '!=', gt: '>', ge: '>=', lt: '<', le: '<=' } as const;

/** The rule's condition for people, such as `= "rain"`; empty where the column itself is the label. */
export const labelCondition = ({ operation, value }: Pick<LabelSpec, 'operation' | 'value'>): string =>
  operation === 'identity' ? '' : `${SIGNS[operation]} ${JSON.stringify(value)}`;

/** What a rule without condition says of itself. */
const AS_IT_IS = 'as it is';

/**
 * The rule as a text of column, operation and value, such as `y = "ja"`: what a dataset version and a model say of
 * their labels. Two rules are one where it is the same. Empty without a rule.
 */
export const labelRuleText = (label: Pick<LabelSpec, 'column' | 'operation' | 'value'> | undefined): string =>
  label === undefined ? '' : `${label.column} ${labelCondition(label) || AS_IT_IS}`;

/** What a probability of the label 1 is the probability of, by such a text; empty where nobody knows. */
export const probableText = (ruleText: string): string =>
  ruleText.endsWith(` ${AS_IT_IS}`) ? `${ruleText.slice(0, -AS_IT_IS.length)}is 1 or true` : ruleText;

/** Whether labels of two rules, as texts, mean the same. One that nobody knows, as of an earlier build, is taken. */
export const sameLabelRule = (a: string, b: string): boolean => a === '' || b === '' || a === b;

/** Why a training of a project without label is refused, wherever it is asked for. */
export const nothingToLearn = (project: string): string =>
  `project '${project}' has no label, so there is nothing to learn: add data.label (its name, and the column ` +
  'that carries the outcome) to the project file, apply it, and bring rows with their outcome';
