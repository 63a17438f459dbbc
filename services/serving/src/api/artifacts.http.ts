// GET …/artifacts/tfjs/*: the browser's part of a served model's package, readable from every origin. With
// ?sha256=<hash of the package or the file> the answer may be kept for ever.

import { PlatformError } from '@millrace/domain';
import { restError } from '@millrace/inference';
import { artifactHeaders, artifactPreflightHeaders, isUnchanged } from '@millrace/service';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ModelSet } from '../models/model-set.js';
import type { BrowserFile } from '../packages/browser-files.js';

export interface ArtifactPorts {
  models: ModelSet;
  /** `name`: below tfjs/. Throws not_found. */
  browserFile(model: string, version: number, name: string): Promise<BrowserFile>;
}

type ArtifactRequest = FastifyRequest<{
  Params: { model: string; version?: string; '*': string };
  Querystring: { sha256?: string };
}>;

async function answer(ports: ArtifactPorts, request: ArtifactRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { model, version = '', '*': name } = request.params;
  try {
    // Only what is served is given; without a version that of the most live traffic.
    const served = ports.models.find(model, version);
    const file = await ports.browserFile(model, served.version, name);
    const { sha256 } = file;
    const wanted = request.query.sha256;
    if (wanted !== undefined && wanted !== sha256 && wanted !== file.packageSha256) {
      throw new PlatformError('not_found', `${file.path} of ${model} version ${served.version} has another hash`);
    }
    reply.headers(artifactHeaders({ path: file.path, sha256, pinned: wanted !== undefined }));
    if (isUnchanged(request.headers['if-none-match'], sha256)) return reply.code(304).send();
    return reply.send(Buffer.from(file.bytes.buffer, file.bytes.byteOffset, file.bytes.byteLength));
  } catch (thrown) {
    const { status, body } = restError(PlatformError.from(thrown));
    return reply.code(status).header('access-control-allow-origin', '*').type('application/json').send(body);
  }
}

export function registerArtifacts(http: FastifyInstance, ports: ArtifactPorts): void {
  for (const path of ['/v2/models/:model/artifacts/tfjs/*', '/v2/models/:model/versions/:version/artifacts/tfjs/*']) {
    http.get(path, (request: ArtifactRequest, reply) => answer(ports, request, reply));
    http.options(path, (_request, reply) => reply.headers(artifactPreflightHeaders()).code(204).send());
    http.route({
      method: ['POST', 'PUT', 'PATCH', 'DELETE'],
      url: path,
      handler: (_request, reply) =>
        reply
          .code(405)
          .header('allow', 'GET, HEAD, OPTIONS')
          .type('application/json')
          .send('{"error":"an artifact can only be read"}'),
    });
  }
}
