// What the project file's schema is made of: JSON Schema nodes, each with its description and, where it has one, its
// default.

import { DATE_PATTERN, DURATION_PATTERN } from './duration.js';

export type SchemaNode = Readonly<Record<string, unknown>>;
type Node = SchemaNode;

export const duration = (description: string, fallback?: string): Node => ({
  type: 'string',
  pattern: DURATION_PATTERN,
  description: `${description} A duration such as 15m, 3h or 3d.`,
  ...(fallback === undefined ? {} : { default: fallback }),
});
export const date = (description: string): Node => ({
  type: 'string',
  pattern: DATE_PATTERN,
  description: `${description} A UTC date such as 2001-02-15, or a time such as 2001-02-15T06:00Z.`,
});
export const text = (description: string, extra: Node = {}): Node => ({
  type: 'string',
  minLength: 1,
  description,
  ...extra,
});
export const flag = (description: string, fallback: boolean): Node => ({
  type: 'boolean',
  description,
  default: fallback,
});
export const integer = (description: string, minimum: number, maximum: number, fallback?: number): Node => ({
  type: 'integer',
  minimum,
  maximum,
  description,
  ...(fallback === undefined ? {} : { default: fallback }),
});
export const number = (description: string, minimum: number, maximum: number, fallback?: number): Node => ({
  type: 'number',
  minimum,
  maximum,
  description,
  ...(fallback === undefined ? {} : { default: fallback }),
});
export const share = (description: string, fallback?: number): Node => number(description, 0, 1, fallback);
export const choice = (description: string, values: readonly string[], fallback?: string): Node => ({
  type: 'string',
  enum: values,
  description,
  ...(fallback === undefined ? {} : { default: fallback }),
});
export const list = (description: string, items: Node, maxItems: number, minItems: number): Node => ({
  type: 'array',
  items,
  minItems,
  maxItems,
  description,
});
export const optionalList = (
  description: string,
  items: Node,
  maxItems: number,
  fallback: readonly unknown[] = [],
): Node => ({
  ...list(description, items, maxItems, 0),
  default: fallback,
});
/** Blocks or values by name. */
export const byName = (description: string, entry: Node, maxProperties: number, extra: Node = {}): Node => ({
  type: 'object',
  description,
  maxProperties,
  ...extra,
  additionalProperties: entry,
  default: {},
});
export const object = (
  description: string,
  properties: Record<string, Node>,
  required: readonly string[] = [],
): Node => ({
  type: 'object',
  description,
  properties,
  required,
  additionalProperties: false,
});
export const scalar = (description: string): Node => ({ type: ['number', 'string', 'boolean'], description });
