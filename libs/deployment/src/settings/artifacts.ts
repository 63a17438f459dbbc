// Where artifacts (dataset versions, model packages) lie: in the home, or in a bucket that machines share. For every
// process that has to do with them; what all of them must share is the bucket.

import type { Config } from './read-settings.js';
import { defineSettings } from './setting.js';
import { urlFault } from './text-checks.js';

export const artifactSettings = defineSettings({
  artifactsUrl: {
    env: 'MILLRACE_ARTIFACTS_URL',
    type: 'text',
    default: '',
    pattern: /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[A-Za-z0-9][A-Za-z0-9._=-]{0,200}){0,6}\/?$/,
    why: 'a folder of the home; s3://bucket/prefix: a bucket, so that services on several machines share artifacts',
  },
  artifactsEndpoint: {
    env: 'MILLRACE_ARTIFACTS_ENDPOINT',
    type: 'text',
    default: '',
    pattern: /^https?:\/\/[a-zA-Z0-9._:[\]-]{1,253}\/?$/,
    check: urlFault('http', 'https'),
    why: "Amazon's of the region; set: that of any server that speaks S3, the bucket then in the path",
  },
  artifactsRegion: {
    env: 'MILLRACE_ARTIFACTS_REGION',
    type: 'text',
    default: 'us-east-1',
    pattern: /^[a-z0-9-]{2,40}$/,
    why: "Amazon's own default; most other servers take any",
  },
  artifactsAccessKey: {
    env: 'MILLRACE_ARTIFACTS_ACCESS_KEY',
    type: 'text',
    default: '',
    pattern: /^[\x21-\x7e]{1,256}$/,
    why: 'none: a bucket needs one',
  },
  artifactsSecretKey: {
    env: 'MILLRACE_ARTIFACTS_SECRET_KEY',
    type: 'text',
    default: '',
    pattern: /^[\x21-\x7e]{1,256}$/,
    why: 'none: a bucket needs one, here or in a file',
    secret: true,
  },
  artifactsSecretKeyFile: {
    env: 'MILLRACE_ARTIFACTS_SECRET_KEY_FILE',
    type: 'path',
    default: '',
    why: 'none; a file with the secret, as containers are given theirs, read when the process starts',
  },
  artifactsTimeout: {
    env: 'MILLRACE_ARTIFACTS_TIMEOUT',
    type: 'duration',
    default: 30_000,
    min: 100,
    max: 600_000,
    why: 'a request without an answer, or without the next bytes of it, is tried again, at most five times: 8 MiB, the most that one request sends of a large file, take 30 s at 280 kB/s',
  },
  artifactsCacheBytesMax: {
    env: 'MILLRACE_ARTIFACTS_CACHE_BYTES_MAX',
    type: 'int',
    default: 21_474_836_480,
    min: 1_048_576,
    max: 17_592_186_044_416,
    unit: 'bytes',
    why: 'copies of artifacts of a bucket in the home, for programs that read files: 20 GiB are some hundred versions of a million rows; what was longest unused leaves first, nothing that was used in the last hour',
  },
});

export type ArtifactSettings = Config<typeof artifactSettings>;

/** What is wrong between the settings; each is right by itself. */
export function artifactFaults(settings: ArtifactSettings): string[] {
  const { artifactsUrl, artifactsAccessKey, artifactsSecretKey, artifactsSecretKeyFile } = settings;
  const env = Object.fromEntries(Object.entries(artifactSettings).map(([field, setting]) => [field, setting.env]));
  if (artifactsUrl === '') {
    return ['artifactsEndpoint', 'artifactsAccessKey', 'artifactsSecretKey', 'artifactsSecretKeyFile']
      .filter((field) => settings[field as keyof ArtifactSettings] !== '')
      .map((field) => `${env[field]}: without ${env['artifactsUrl']} it does nothing`);
  }
  const faults: string[] = [];
  if (artifactsAccessKey === '') faults.push(`${env['artifactsAccessKey']}: ${env['artifactsUrl']} needs it`);
  if (artifactsSecretKey === '' && artifactsSecretKeyFile === '')
    faults.push(`${env['artifactsSecretKey']}: ${env['artifactsUrl']} needs it, or ${env['artifactsSecretKeyFile']}`);
  if (artifactsSecretKey !== '' && artifactsSecretKeyFile !== '')
    faults.push(`${env['artifactsSecretKey']} and ${env['artifactsSecretKeyFile']}: only one of them`);
  return faults;
}

export interface ArtifactTarget {
  readonly bucket: string;
  /** "" or names joined by "/", with a slash at the end. */
  readonly prefix: string;
  readonly endpoint: string;
}

/** Of settings whose URL is set. */
export function artifactTarget({ artifactsUrl, artifactsEndpoint, artifactsRegion }: ArtifactSettings): ArtifactTarget {
  const [bucket = '', ...names] = artifactsUrl
    .slice('s3://'.length)
    .split('/')
    .filter((name) => name !== '');
  return {
    bucket,
    prefix: names.map((name) => `${name}/`).join(''),
    endpoint: artifactsEndpoint.replace(/\/$/, '') || `https://s3.${artifactsRegion}.amazonaws.com`,
  };
}
