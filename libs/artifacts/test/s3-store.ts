// A store in the bucket of a test's server, as a process opens it.

import { type ArtifactStore, openArtifactStore } from '@millrace/artifacts';
import { artifactSettings, readSettings } from '@millrace/deployment';
import type { TestS3 } from '@millrace/testing';

/** `home`: of the copies; what has the same prefix sees the same artifacts. */
export function s3Store(
  s3: Pick<TestS3, 'environment'>,
  prefix: string,
  home: string,
  more: Readonly<Record<string, string>> = {},
): ArtifactStore {
  const { values } = readSettings(artifactSettings, { ...s3.environment(prefix), ...more });
  return openArtifactStore({ home, ...values });
}
