// What is written to progress.v1, and under which key.

import type { Progress } from '@millrace/contracts';

/** An entry, or the key of one that goes. */
export type ProgressEntry = Progress | { kind: 'gone'; key: string };

/** Under which nothing is ever written: what is said of it is that its writer still holds the number. */
export const sweptKey = (partition: number): string => `/swept/${partition}`;

/** Names no project: a project's name has no slash. */
export function progressKey(progress: Progress): string {
  switch (progress.kind) {
    case 'reading':
      return `/reading/${progress.partition}`;
    case 'project':
      return `${progress.project}/${progress.partition}`;
    case 'span':
      return `${progress.project}/${progress.partition}/${progress.segmentKind}/${progress.spanStartMs}`;
    case 'closing':
      return `${progress.project}/closing`;
    case 'importEnd':
      return `/import/${progress.importId}`;
    case 'hold':
      return `/hold/${progress.project}/${progress.id}`;
  }
}
