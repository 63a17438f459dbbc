// Ids of requests and of their answers. A request without an id gets one at the first of our processes that sees it;
// the answer to its row r is the prediction "<request id>/<r>". A label whose client knows no prediction belongs to the
// request named after its record.

import type { Rng } from './rng.js';

/** Of a request id and an entity: they become part of Kafka keys and prediction ids. */
export const ID_CHARACTERS_MAX = 512;

/** Makes ids that no other process and no earlier run made: 64 random bits chosen once, then a counter. */
export class RequestIds {
  private readonly prefix: string;
  private count = 0;

  constructor(rng: Rng) {
    const half = () =>
      rng
        .below(2 ** 32)
        .toString(16)
        .padStart(8, '0');
    this.prefix = `${half()}${half()}-`;
  }

  next(): string {
    this.count += 1;
    return this.prefix + this.count.toString(36);
  }
}

export function predictionId(requestId: string, row: number): string {
  return `${requestId}/${row}`;
}

/** What a request says of its rows beside their values. */
export interface RowNames {
  /** Of the request. */
  id: string;
  entity: string;
  /** By row: the id under which the row is known as though it were a request of its own; '' or undefined = none. */
  rowIds?: readonly string[] | undefined;
  /** By row; '' or undefined = the request's. */
  rowEntities?: readonly string[] | undefined;
}

/** Under which names the prediction of a row is known. `requestId`: of the request that it counts as. */
export function rowName(
  { id, entity, rowIds, rowEntities }: RowNames,
  row: number,
): { predictionId: string; requestId: string; entity: string } {
  const own = rowIds?.[row] ?? '';
  const requestId = own || id;
  return {
    predictionId: predictionId(requestId, own === '' ? row : 0),
    requestId,
    entity: rowEntities?.[row] || entity,
  };
}

/** '' where the text is no prediction id. */
export function requestIdOf(predictionId: string): string {
  const slash = predictionId.lastIndexOf('/');
  return slash > 0 ? predictionId.slice(0, slash) : '';
}
