// Collects what is wrong with a configuration, and what is read but has no effect here, each with its place in the text
// where there is one.

import { PlatformError } from '@millrace/domain';
import { FAULTS_MAX, type Place } from './text-proto.js';

export type PlaceOf = (message: object, field?: string) => Place | undefined;

export class ConfigFaults {
  /** Accepted, but without effect; for the log. */
  readonly notices: string[] = [];
  private readonly faults: { place: Place | undefined; what: string }[] = [];

  /** `path`: the file's name in messages; '' where the configuration came in a request. */
  constructor(
    private readonly path: string,
    private readonly placeOf: PlaceOf,
  ) {}

  /** A fault of a message's field by its proto name; '' = of the message itself. */
  add(message: object, field: string, what: string): void {
    this.at(this.placeOf(message, field) ?? this.placeOf(message), what);
  }

  at(place: Place | undefined, what: string): void {
    if (this.faults.length < FAULTS_MAX) this.faults.push({ place, what });
  }

  notice(message: object, field: string, what: string): void {
    if (this.notices.length < FAULTS_MAX) this.notices.push(this.line(this.placeOf(message, field), what));
  }

  written(message: object, field: string): boolean {
    return this.placeOf(message, field) !== undefined;
  }

  private line(place: Place | undefined, what: string): string {
    const where = place ? `${this.path}:${place.line}:${place.column}: ` : this.path === '' ? '' : `${this.path}: `;
    return `${where}${what}`;
  }

  /** Throws invalid_argument with all faults, one a line, in the order of the text. */
  check(model: string): void {
    if (this.faults.length === 0) return;
    const lines = this.faults
      .sort((a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0) || (a.place?.column ?? 0) - (b.place?.column ?? 0))
      .map(({ place, what }) => this.line(place, what));
    throw new PlatformError(
      'invalid_argument',
      `the configuration of model '${model}' has ${lines.length === 1 ? 'a fault' : `${lines.length} faults`}:\n${lines.join('\n')}`,
    );
  }
}

/** A 64-bit field as a number; beyond 2^53 it is no number of bytes, microseconds or versions that anybody means. */
export function natural(value: bigint | number, message: object, field: string, faults: ConfigFaults): number {
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  faults.add(message, field, `${field} is ${value}, expected 0 to ${Number.MAX_SAFE_INTEGER}`);
  return 0;
}
