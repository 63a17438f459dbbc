// Raw column values as the wire's Value messages.

import type { Scalar } from '@millrace/domain';
import type { Project } from '@millrace/project';

/** The shape of millrace.data.v1.Value that a generated client takes. */
export interface WireValue {
  kind:
    | { case: 'number'; value: number }
    | { case: 'text'; value: string }
    | { case: 'flag'; value: boolean }
    | { case: 'timestampMs'; value: bigint }
    | { case: undefined };
}

export function toValue(value: Scalar, isTimestamp: boolean): WireValue {
  if (value === null) return { kind: { case: undefined } };
  if (typeof value === 'string') return { kind: { case: 'text', value } };
  if (typeof value === 'boolean') return { kind: { case: 'flag', value } };
  return isTimestamp ? { kind: { case: 'timestampMs', value: BigInt(value) } } : { kind: { case: 'number', value } };
}

export function toValues(project: Project, values: Readonly<Record<string, Scalar>>): Record<string, WireValue> {
  const wire: Record<string, WireValue> = {};
  for (const column of project.data.columns) {
    const value = values[column.name];
    if (value !== undefined && value !== null) wire[column.name] = toValue(value, column.type === 'timestamp');
  }
  return wire;
}
