// From a column, and perhaps a value, to a label rule: "denied", "status=late", "delay>15". Which of two values counts
// as yes is read off the words, else the rarer one is taken.

import { counted, hint, PlatformError } from '@millrace/domain';
import { applyLabelRule } from '../label-rule.js';
import type { LabelSpec } from '../project.js';
import { textValue, type WrittenColumn } from '../text-value.js';
import type { ColumnProfile } from './column-profile.js';
import { isYesWord, NO_WORDS, wordsOf } from './column-words.js';

export interface LabelChoice {
  readonly column: ColumnProfile;
  readonly operation: LabelSpec['operation'];
  readonly value: string | number | boolean | null;
  /** Why this value is yes. */
  readonly why: string;
  /** False where somebody should say which value is meant. */
  readonly isSure: boolean;
}

type Wish = { readonly column: string; readonly operation: LabelSpec['operation']; readonly value: string | null };

const OPERATIONS: Readonly<Record<string, LabelSpec['operation']>> = {
  '!=': 'ne',
  '>=': 'ge',
  '<=': 'le',
  '=': 'eq',
  '>': 'gt',
  '<': 'lt',
};
const VALUES_SHOWN = 12;

/**
 * `COLUMN`, or `COLUMN`, one of = != > >= < <=, and a value. Names may hold such signs too: the longest that fits
 * counts.
 */
export function parseLabelWish(text: string, names: readonly string[]): Wish {
  const name = [...names].sort((a, b) => b.length - a.length).find((one) => text === one || startsRule(text, one));
  if (name === undefined) {
    const [word = text] = text.split(/[=<>!]/);
    throw new PlatformError('invalid_argument', `--label: there is no column '${word}'. ${hint(word, names)}`, {
      facts: { role: 'label' },
    });
  }
  const rest = text.slice(name.length);
  if (rest === '') return { column: name, operation: 'identity', value: null };
  const sign = Object.keys(OPERATIONS).find((one) => rest.startsWith(one)) as string;
  return { column: name, operation: OPERATIONS[sign] as LabelSpec['operation'], value: rest.slice(sign.length) };
}

const startsRule = (text: string, name: string): boolean =>
  text.startsWith(name) && /^(!=|>=|<=|=|>|<)/.test(text.slice(name.length));

/** @throws PlatformError 'invalid_argument' for a rule that is yes for all rows, or for none */
export function chooseLabel(wish: Wish, column: ColumnProfile, decimal: '.' | ',' = '.'): LabelChoice {
  if (wish.value !== null) return withValue(wish as Wish & { value: string }, column, decimal);
  if (column.isCounted && column.distinct < 2)
    throw refusal(column, `has ${column.distinct === 1 ? 'one value' : 'no values'}: there is nothing to learn`);
  if (column.type === 'boolean')
    return { column, operation: 'identity', value: null, why: 'it says yes or no itself', isSure: true };
  const yes = column.values.find(({ text }) => isYesWord(text));
  if (column.distinct > 2 && column.type === 'text' && yes !== undefined)
    return { column, operation: 'eq', value: yes.text, why: `'${yes.text}' is the one that says yes`, isSure: false };
  const [more, fewer] = column.values;
  if (!column.isCounted || column.distinct > 2 || more === undefined || fewer === undefined) {
    throw refusal(column, `has ${column.isCounted ? '' : 'more than '}${column.distinct} values`, true);
  }
  const texts = [more.text, fewer.text];
  if (texts.every((text) => text === '0' || text === '1'))
    return { column, operation: 'identity', value: null, why: 'it is 0 or 1', isSure: true };
  const said = texts.find((text) => isYes(text, texts.find((other) => other !== text) as string));
  const positive = said ?? fewer.text;
  const why =
    said === undefined
      ? `'${positive}' is the rarer one (${fewer.count} of ${more.count + fewer.count} rows)`
      : `'${positive}' is the one that says yes`;
  return { column, operation: 'eq', value: typed(column, positive, decimal), why, isSure: said !== undefined };
}

function withValue(
  { operation, value }: Wish & { value: string },
  column: ColumnProfile,
  decimal: '.' | ',',
): LabelChoice {
  const isOrder = operation !== 'eq' && operation !== 'ne';
  const isNumber = column.type === 'number' || column.type === 'integer';
  const known = column.values.map(({ text }) => text);
  // Files pad values with blanks that nobody types.
  const meant = known.includes(value) ? value : (known.find((text) => text.trim() === value.trim()) ?? value);
  const said = typed(column, meant, decimal);
  // On the command line a point is as good.
  const wanted = typeof said === 'string' ? typed(column, meant) : said;
  if (isOrder && !isNumber) throw refusal(column, `is ${column.type} and has no order; compare with = or !=`);
  if (isNumber && typeof wanted !== 'number') throw refusal(column, `holds numbers, '${value}' is none`, true);
  if (column.type === 'boolean' && typeof wanted !== 'boolean')
    throw refusal(column, `holds yes or no, not '${value}': say --label '${column.name}', or '${column.name}=false'`);
  const rule = { name: '', column: column.name, operation, value: wanted, delayMs: 0 };
  const answers = new Set(column.values.map(({ text }) => applyLabelRule(rule, typed(column, text, decimal))));
  if (column.isCounted && answers.size < 2) {
    const found = isOrder
      ? `It lies between ${column.range?.min} and ${column.range?.max}.`
      : // One number is no other one that was mistyped.
        hint(isNumber ? '' : value, known);
    throw refusal(column, `${answers.has(1) ? 'always' : 'never'} fulfils that. ${found}`);
  }
  return { column, operation, value: wanted, why: 'you said so', isSure: true };
}

function refusal(column: ColumnProfile, what: string, withExamples = false): PlatformError {
  const shown = column.values
    .slice(0, VALUES_SHOWN)
    .map(({ text, count }) => `'${text.slice(0, 40)}' (${counted(count, 'row')})`);
  const isNumber = column.type === 'number' || column.type === 'integer';
  const form = isNumber ? `--label '${column.name}>VALUE'` : `--label '${column.name}=VALUE'`;
  const values =
    column.range === null
      ? `The most frequent: ${shown.join(', ')}`
      : `It lies between ${column.range.min} and ${column.range.max}`;
  const instead = withExamples ? `; the trainer answers yes or no: say which it is, ${form}. ${values}` : '';
  return new PlatformError('invalid_argument', `--label: '${column.name}' ${what}${instead}`, {
    facts: { role: 'label' },
  });
}

/** `text` says yes, or the other one says no: "churned" beside "not churned", ">50K" beside nothing of that kind. */
function isYes(text: string, other: string): boolean {
  const [own, its] = [wordsOf(text), wordsOf(other)];
  if (own.length === 0 || its.length === 0) return false;
  if (isYesWord(text)) return true;
  // F beside M is no false: a letter says no only to its own yes.
  if (other.trim().length === 1) return false;
  return NO_WORDS.has(its[0] as string) && !NO_WORDS.has(own[0] as string);
}

/** A value as ingest will have it; a text that the type cannot hold stays one. */
function typed(column: WrittenColumn, text: string, decimal?: '.' | ','): string | number | boolean {
  const value = column.type === 'text' ? text : textValue(column, text, decimal);
  return typeof value === 'number' || typeof value === 'boolean' ? value : text;
}
