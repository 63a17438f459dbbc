// Which store a process uses: the bucket that its settings name, else the folder of its home. The one place that
// chooses, and that reads the file of a secret.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ArtifactSettings, artifactFaults, artifactTarget } from '@millrace/deployment';
import { PlatformError, seededRng, systemClock } from '@millrace/domain';
import type { ArtifactStore } from './artifact-store.js';
import { FsArtifactStore } from './fs-artifact-store.js';
import { LocalCache } from './local-cache.js';
import { ObservedStore } from './observed-store.js';
import { S3ArtifactStore } from './s3/s3-artifact-store.js';
import { S3Bucket } from './s3/s3-bucket.js';

/** The folder of the store within a home without a bucket, for who moves a home's state as a whole. */
export const ARTIFACTS_FOLDER = 'artifacts';
/** The folder of copies within a home with one. */
const COPIES_FOLDER = 'artifact-copies';

/** A home, and where its artifacts are if not in it. */
export type StoreSettings = { readonly home: string } & Partial<ArtifactSettings>;

/** @throws PlatformError 'invalid_argument' where the settings do not go together. */
export function openArtifactStore(settings: StoreSettings): ArtifactStore {
  return new ObservedStore(chosen(settings), systemClock);
}

/** Whether artifacts lie in the home, and with it are gone. */
export function isInHome({ artifactsUrl = '' }: StoreSettings): boolean {
  return artifactsUrl === '';
}

function chosen(settings: StoreSettings): ArtifactStore {
  if (isInHome(settings)) return new FsArtifactStore(join(settings.home, ARTIFACTS_FOLDER));
  const given = settings as { home: string } & ArtifactSettings;
  const faults = artifactFaults(given);
  if (faults.length > 0) throw new PlatformError('invalid_argument', `wrong settings:\n  ${faults.join('\n  ')}`);
  const { bucket, prefix, endpoint } = artifactTarget(given);
  const target = {
    bucket,
    endpoint,
    region: given.artifactsRegion,
    accessKey: given.artifactsAccessKey,
    secretKey: secretOf(given),
    timeoutMs: given.artifactsTimeout,
  };
  const s3 = new S3Bucket(target, {
    // Only of the waits between attempts: processes need others than their neighbours.
    rng: seededRng(process.pid),
    nowMs: () => systemClock.nowMs(),
    monotonicMs: () => systemClock.monotonicMs(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  });
  const cache = new LocalCache(join(given.home, COPIES_FOLDER), given.artifactsCacheBytesMax, systemClock);
  const place = `s3://${bucket}/${prefix} at ${endpoint}`;
  return new S3ArtifactStore(s3, cache, { prefix, place }, systemClock);
}

function secretOf({ artifactsSecretKey, artifactsSecretKeyFile }: ArtifactSettings): string {
  if (artifactsSecretKeyFile === '') return artifactsSecretKey;
  let text: string;
  try {
    text = readFileSync(artifactsSecretKeyFile, 'utf8').trim();
  } catch (cause) {
    throw new PlatformError('unavailable', 'MILLRACE_ARTIFACTS_SECRET_KEY_FILE cannot be read', { cause });
  }
  // Whoever writes such files may just be about to.
  if (text === '') throw new PlatformError('unavailable', 'MILLRACE_ARTIFACTS_SECRET_KEY_FILE is empty');
  return text;
}
