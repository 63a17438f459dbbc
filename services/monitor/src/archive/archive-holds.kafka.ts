// The holds of progress.v1, which ingest writes; everything else on it is ingest's own.

import { decodeProgress, type HoldProgress } from '@millrace/contracts';
import type { CompactedReaderSettings } from '@millrace/kafka';

const HOLD_KEYS = '/hold/';

export function holdEntries(onHold: (hold: HoldProgress) => void): CompactedReaderSettings['topics'] {
  return {
    'progress.v1': (key, value) => {
      if (value === null || !key.startsWith(HOLD_KEYS)) return;
      const progress = decodeProgress(value);
      if (progress.kind === 'hold') onHold(progress);
    },
  };
}
