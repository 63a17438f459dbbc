// Real S3 servers for tests, each with one empty bucket: moto (Python), which checks signatures and rights, and
// gofakes3 (Go), which takes any. In memory; each test file starts its own.

import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGuarded } from './guarded-process.js';
import { freePort, waitForPort } from './ports.js';
import { setupState } from './setup-state.js';

type S3ServerName = 'moto' | 'gofakes3';

export interface TestS3 {
  readonly endpoint: string;
  readonly bucket: string;
  /** Settings of libs/deployment (artifactSettings) that use it, as variables of an environment. */
  environment(prefix: string): Record<string, string>;
  /** kill -9; what it held is gone. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

const BUCKET = 'millrace-tests';
/** moto imports much. */
const START_MS = 60_000;

function commandOf(name: S3ServerName, port: number): { command: string; args: string[] } {
  const { python, gofakes3 } = setupState();
  if (name === 'moto' && python !== undefined) {
    const moto = ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)];
    return { command: 'env', args: [`INITIAL_NO_AUTH_ACTION_COUNT=${UNSIGNED_CALLS}`, python.binary, ...moto] };
  }
  if (name === 'gofakes3' && gofakes3 !== undefined) return { command: gofakes3.binary, args: [String(port), BUCKET] };
  throw new Error(`there is no ${name}; \`npm test\` makes it`);
}

/** What moto takes unsigned: the three calls that make a user, and the bucket. */
const UNSIGNED_CALLS = 4;
/** Who may do what the store does, and nothing else: the rights that docs/artifacts.md names. */
const POLICY = {
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Action: ['s3:ListBucket', 's3:ListBucketMultipartUploads'],
      Resource: `arn:aws:s3:::${BUCKET}`,
    },
    {
      Effect: 'Allow',
      Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
      Resource: `arn:aws:s3:::${BUCKET}/*`,
    },
  ],
};

/** A user of moto's with those rights alone, and the bucket. */
async function prepareMoto(endpoint: string): Promise<{ accessKey: string; secretKey: string }> {
  const iam = async (parameters: Record<string, string>): Promise<string> => {
    const response = await fetch(endpoint, {
      method: 'POST',
      body: new URLSearchParams({ Version: '2010-05-08', UserName: 'tests', ...parameters }),
      // By the scope moto sees which of Amazon's services is meant.
      headers: { authorization: 'AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/iam/aws4_request, Signature=0' },
    });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`moto refuses ${parameters['Action']}: ${text}`);
    return text;
  };
  await iam({ Action: 'CreateUser' });
  await iam({ Action: 'PutUserPolicy', PolicyName: 'store', PolicyDocument: JSON.stringify(POLICY) });
  const keys = await iam({ Action: 'CreateAccessKey' });
  const { status } = await fetch(`${endpoint}/${BUCKET}`, { method: 'PUT' });
  if (status !== 200) throw new Error(`moto makes no bucket: ${status}`);
  const of = (name: string) => new RegExp(`<${name}>(.*?)</${name}>`).exec(keys)?.[1] ?? '';
  return { accessKey: of('AccessKeyId'), secretKey: of('SecretAccessKey') };
}

export async function startS3(name: S3ServerName): Promise<TestS3> {
  const home = await mkdtemp(join(tmpdir(), 'millrace-test-s3-'));
  const port = await freePort();
  const log = join(home, 's3.log');
  const server = await startGuarded({ ...commandOf(name, port), log, home });
  await waitForPort(port, START_MS, () => server.isRunning());
  const endpoint = `http://127.0.0.1:${port}`;
  const keys = name === 'moto' ? await prepareMoto(endpoint) : { accessKey: 'tests', secretKey: 'of-tests-alone' };
  return {
    endpoint,
    bucket: BUCKET,
    environment: (prefix) => ({
      MILLRACE_ARTIFACTS_URL: `s3://${BUCKET}/${prefix}`,
      MILLRACE_ARTIFACTS_ENDPOINT: endpoint,
      MILLRACE_ARTIFACTS_ACCESS_KEY: keys.accessKey,
      MILLRACE_ARTIFACTS_SECRET_KEY: keys.secretKey,
    }),
    crash: async () => {
      server.kill('SIGKILL');
      await server.ended();
    },
    stop: () => server.stop(),
  };
}
