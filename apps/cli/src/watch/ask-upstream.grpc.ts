// What a V2 server says of itself: is it gRPC or REST that answers at an address, where is the other one, which models
// are there, and what are their tensors. Questions only.

import { GRPCInferenceService } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { createClient, type GrpcClient } from '@millrace/grpc';
import { isDatatype, type TensorSpec } from '@millrace/inference';
import type { UpstreamModel } from './project-of-model.js';
import type { UpstreamAddresses } from './watch-plan.js';

const CONNECT_MS = 3_000;
const QUESTION_MS = 5_000;
/** Models that are looked at; a server with more names those that matter. */
const MODELS_MAX = 100;

export interface FoundUpstream extends UpstreamAddresses {
  server: string;
  models: UpstreamModel[];
  /** Models that were not named and cannot be asked about, and why. */
  silent: { name: string; why: string }[];
}

/** `names`: empty = all that are ready. */
export async function askUpstream(
  address: string,
  httpAddress: string | undefined,
  names: readonly string[],
): Promise<FoundUpstream> {
  const at = await addressesOf(address, httpAddress);
  const client = createClient(GRPCInferenceService, at.grpc, { unaryDeadlineMs: QUESTION_MS });
  try {
    const { name, version } = await client.serverMetadata({}).catch(() => ({ name: 'V2 server', version: '' }));
    const wanted = names.length > 0 ? names : await readyModels(client, at.grpc);
    const models: UpstreamModel[] = [];
    const silent: FoundUpstream['silent'] = [];
    for (const model of wanted) {
      try {
        models.push(await modelOf(client, model));
      } catch (thrown) {
        const { code, reason } = PlatformError.from(thrown);
        if (names.length > 0)
          throw new PlatformError(
            code,
            `${at.grpc} says of model '${model}': ${reason}; \`--model NAME\` as the server calls it`,
          );
        silent.push({ name: model, why: reason });
      }
    }
    return { ...at, server: `${name} ${version}`.trim(), models, silent };
  } finally {
    client.close();
  }
}

/** Triton and MLServer have REST one port below gRPC. */
async function addressesOf(address: string, httpAddress: string | undefined): Promise<UpstreamAddresses> {
  const colon = address.lastIndexOf(':');
  const [host, port] = [address.slice(0, colon), Number(address.slice(colon + 1))];
  if (await speaksGrpc(address)) {
    const below = `${host}:${port - 1}`;
    const http = httpAddress ?? ((await speaksRest(below)) ? below : '');
    return { grpc: address, http };
  }
  const above = `${host}:${port + 1}`;
  if (await speaksRest(address)) {
    if (await speaksGrpc(above)) return { grpc: above, http: httpAddress ?? address };
    throw new PlatformError(
      'invalid_argument',
      `${address} speaks V2 over REST, and ${above} no gRPC: name the gRPC endpoint with --upstream and this one with --upstream-http`,
    );
  }
  throw new PlatformError(
    'unavailable',
    `nobody speaks V2 at ${address}, neither over gRPC nor over REST; start the server, or name its gRPC endpoint as host:port`,
  );
}

async function speaksGrpc(address: string): Promise<boolean> {
  const client = createClient(GRPCInferenceService, address, { unaryDeadlineMs: CONNECT_MS });
  try {
    await client.serverLive({});
    return true;
  } catch {
    return false;
  } finally {
    client.close();
  }
}

async function speaksRest(address: string): Promise<boolean> {
  try {
    const response = await fetch(`http://${address}/v2/health/live`, { signal: AbortSignal.timeout(CONNECT_MS) });
    // Any web server answers any path; none of V2's health answers is a page.
    return response.ok && !(response.headers.get('content-type') ?? '').startsWith('text/html');
  } catch {
    return false;
  }
}

async function readyModels(client: GrpcClient<typeof GRPCInferenceService>, address: string): Promise<string[]> {
  let found: string[];
  try {
    const { models } = await client.repositoryIndex({});
    const names = [...new Set(models.map(({ name }) => name))];
    // MLServer lists every model with the state UNKNOWN.
    const ready = await Promise.all(names.map((name) => client.modelReady({ name }).catch(() => ({ ready: false }))));
    found = names.filter((_, i) => ready[i]?.ready === true);
  } catch (thrown) {
    const { reason } = PlatformError.from(thrown);
    throw new PlatformError(
      'invalid_argument',
      `${address} does not list its models (${reason}); name them with --model`,
    );
  }
  if (found.length === 0)
    throw new PlatformError(
      'not_found',
      `${address} has no model that is ready; load one there, or name it with --model`,
    );
  if (found.length > MODELS_MAX)
    throw new PlatformError(
      'invalid_argument',
      `${address} has ${found.length} models; name those to watch with --model`,
    );
  return found;
}

async function modelOf(client: GrpcClient<typeof GRPCInferenceService>, model: string): Promise<UpstreamModel> {
  const { inputs, outputs } = await client.modelMetadata({ name: model });
  const specs = (tensors: readonly { name: string; datatype: string; shape: bigint[] }[]): TensorSpec[] =>
    tensors.map(({ name, datatype, shape }) => {
      if (!isDatatype(datatype)) throw new PlatformError('invalid_argument', `tensor '${name}' is of ${datatype}`);
      return { name, datatype, shape: shape.map(Number) };
    });
  return { name: model, inputs: specs(inputs), outputs: specs(outputs) };
}
