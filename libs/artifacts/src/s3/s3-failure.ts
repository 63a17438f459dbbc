// What went wrong with a request to an S3 server, as an operating error that says what to do, and whether the same
// request may succeed a moment later. No text here holds a key or a signature: only the server's own code is repeated.

import { PlatformError } from '@millrace/domain';
import { S3ServiceError } from 's3mini';

export interface S3Failure {
  readonly error: PlatformError;
  /** Worth another attempt within this call. */
  readonly isTransient: boolean;
}

export interface S3Place {
  readonly bucket: string;
  readonly endpoint: string;
  readonly region: string;
}

/** The bucket is not there; an object that is not there is no failure. */
export class BucketMissing extends Error {}

/** No answer, or no more of it, within the time that a request has. */
export class RequestTimeout extends Error {}

/** A whole answer with other bytes than were written: on the way, or in the bucket. */
export class OtherBytes extends Error {
  constructor(readonly error: PlatformError) {
    super(error.message);
  }
}

const TLS_CODES =
  /^(?:ERR_TLS_|ERR_SSL_|EPROTO$|CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_|HOSTNAME_MISMATCH$|INVALID_CA$|INVALID_PURPOSE$)/;
const TRANSIENT_STATUS: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

interface Advice {
  readonly code: 'permission_denied' | 'unavailable' | 'invalid_argument';
  readonly text: (place: S3Place) => string;
}

const bucketAdvice: Advice = {
  code: 'unavailable',
  text: ({ bucket, endpoint }) =>
    `there is no bucket ${bucket} at ${endpoint}: create it, or name another in MILLRACE_ARTIFACTS_URL`,
};
const keyAdvice: Advice = {
  code: 'permission_denied',
  text: ({ endpoint }) =>
    `${endpoint} does not know the access key, or the secret is another one: ` +
    'see MILLRACE_ARTIFACTS_ACCESS_KEY and MILLRACE_ARTIFACTS_SECRET_KEY (or its _FILE)',
};
const regionAdvice: Advice = {
  code: 'invalid_argument',
  text: ({ bucket, region }) =>
    `the bucket ${bucket} is not in the region ${region}: set MILLRACE_ARTIFACTS_REGION (and _ENDPOINT) to its own`,
};

/** By the code in the body of the server's answer. */
const ADVICE: Readonly<Record<string, Advice>> = {
  NoSuchBucket: bucketAdvice,
  InvalidAccessKeyId: keyAdvice,
  SignatureDoesNotMatch: keyAdvice,
  PermanentRedirect: regionAdvice,
  AuthorizationHeaderMalformed: regionAdvice,
  AccessDenied: {
    code: 'permission_denied',
    text: ({ bucket, endpoint }) =>
      `${endpoint} refuses access to the bucket ${bucket}: ` +
      'the key needs s3:GetObject, PutObject, DeleteObject, AbortMultipartUpload, ListBucket and ListBucketMultipartUploads',
  },
  RequestTimeTooSkewed: {
    code: 'unavailable',
    text: ({ endpoint }) =>
      `the clock of this machine is too far from that of ${endpoint}: set it (by NTP), S3 refuses requests that are 15 minutes off`,
  },
};

/** The code in an answer's body ("<Code>NoSuchBucket</Code>"), whatever its content type says. */
export function serviceCode(body: string | undefined): string | undefined {
  return /<Code>([A-Za-z0-9.]{1,100})<\/Code>/.exec(body ?? '')?.[1];
}

interface Caused {
  readonly code?: unknown;
  readonly cause?: unknown;
  /** Of an address with several IPs each has failed. */
  readonly errors?: readonly unknown[];
}

/** The code of an error or of what caused it: fetch hides the system's below its own. */
function systemCode(thrown: unknown, depth = 0): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || depth > 4) return undefined;
  const { code, cause, errors } = thrown as Caused;
  return typeof code === 'string' ? code : systemCode(cause ?? errors?.[0], depth + 1);
}

function ofService(thrown: S3ServiceError, place: S3Place): S3Failure {
  const code = serviceCode(thrown.body) ?? thrown.serviceCode ?? 'Unknown';
  const advice = ADVICE[code] ?? (thrown.status === 403 ? ADVICE['AccessDenied'] : undefined);
  const facts = { status: thrown.status, serviceCode: code };
  if (advice !== undefined)
    return { error: new PlatformError(advice.code, advice.text(place), { facts }), isTransient: false };
  const isTransient = TRANSIENT_STATUS.has(thrown.status) || code === 'BadDigest' || code === 'IncompleteBody';
  const text = `${place.endpoint} answered ${thrown.status} ${code}`;
  return { error: new PlatformError(isTransient ? 'unavailable' : 'internal', text, { facts }), isTransient };
}

/** Why a request failed. Programmer errors (TypeError without a cause) are none and pass as `internal`. */
export function failureOf(thrown: unknown, place: S3Place): S3Failure {
  if (thrown instanceof PlatformError) return { error: thrown, isTransient: false };
  if (thrown instanceof OtherBytes) return { error: thrown.error, isTransient: true };
  if (thrown instanceof BucketMissing)
    return { error: new PlatformError(bucketAdvice.code, bucketAdvice.text(place)), isTransient: false };
  if (thrown instanceof S3ServiceError) return ofService(thrown, place);
  if (thrown instanceof RequestTimeout)
    return {
      error: new PlatformError('unavailable', `${place.endpoint} is too slow: ${thrown.message}`),
      isTransient: true,
    };
  const code = systemCode(thrown);
  if (code !== undefined && TLS_CODES.test(code)) {
    const text =
      `no TLS with ${place.endpoint} (${code}): is it http:// there? ` +
      'A certificate authority of your own is named in NODE_EXTRA_CA_CERTS';
    return { error: new PlatformError('unavailable', text, { cause: thrown }), isTransient: false };
  }
  if (code !== undefined || isCutOff(thrown)) {
    const text =
      code === 'ENOTFOUND' || code === 'EAI_AGAIN'
        ? `the host of ${place.endpoint} is not known: see MILLRACE_ARTIFACTS_ENDPOINT`
        : `${place.endpoint} does not answer (${code ?? 'connection cut'}): is it up, and is MILLRACE_ARTIFACTS_ENDPOINT right?`;
    return { error: new PlatformError('unavailable', text, { cause: thrown }), isTransient: true };
  }
  return { error: PlatformError.from(thrown), isTransient: false };
}

/** fetch tells "terminated" or "fetch failed" where a connection ends in the middle. */
function isCutOff(thrown: unknown): boolean {
  const { name, message } = (thrown ?? {}) as Partial<Error>;
  return name === 'TypeError' && /^(?:terminated|fetch failed|network error)/i.test(message ?? '');
}
