// About what a prediction that waits to be logged keeps in memory. An estimate on the request path: a few additions a
// row.

import type { InferJob } from '../models/infer-job.js';

/** The job, its row's array, its answer and its place in the queue. */
const JOB_BYTES = 320;
const ROW_BYTES = 64;
/** A slot of the row and its number, or the head of its text. */
const VALUE_BYTES = 24;
/** Of UTF-16: texts of Latin letters take half. */
const CHARACTER_BYTES = 2;

export function loggedBytes({
  raw,
  id,
  entity,
  rowIds = [],
  rowEntities = [],
}: Pick<InferJob, 'raw' | 'id' | 'entity'> & Partial<Pick<InferJob, 'rowIds' | 'rowEntities'>>): number {
  let characters = id.length + entity.length;
  for (const text of rowIds) characters += text.length;
  for (const text of rowEntities) characters += text.length;
  let values = 0;
  for (let r = 0; r < raw.length; r++) {
    const row = raw[r] as InferJob['raw'][0];
    values += row.length;
    for (let i = 0; i < row.length; i++) {
      const value = row[i];
      if (typeof value === 'string') characters += value.length;
    }
  }
  return JOB_BYTES + raw.length * ROW_BYTES + values * VALUE_BYTES + characters * CHARACTER_BYTES;
}
