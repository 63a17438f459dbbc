// RouteService (8004), proto millrace.route.v1, through Nest's gRPC transport: the same control API for programs.

import type { MessageInitShape } from '@bufbuild/protobuf';
import { create, fromBinary } from '@bufbuild/protobuf';
import { encodeRoute, routePb } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import type { Route, RouteAction, Switch } from '@millrace/routing';
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { type ArmFigures, ExperimentAnalyst } from '../analysis/experiment-analyst.js';
import { RouteTable } from '../routing/route-table.js';
import { RouteControl, refuseNameless } from './route-control.js';

/** What is asked of grpc-js' call. */
interface GrpcPeer {
  getPeer(): string;
}

/** "127.0.0.1:4711", "ipv6:[::1]:4711" or whatever it may be, without the port. */
const addressOf = (peer: string): string =>
  peer
    .replace(/^ipv[46]:/, '')
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '');

interface ControlRequest {
  project: string;
  reason: string;
  correlationId: string;
  expectedRevision: bigint;
}

@Controller()
export class RouteServiceGrpc {
  constructor(
    @Inject(RouteControl) private readonly control: RouteControl,
    @Inject(RouteTable) private readonly table: RouteTable,
    @Inject(ExperimentAnalyst) private readonly experiments: ExperimentAnalyst,
  ) {}

  @GrpcMethod('RouteService', 'getRoute')
  getRoute(request: routePb.GetRouteRequest) {
    const route = this.table.get(request.project);
    if (route === undefined) throw new PlatformError('not_found', `project '${request.project}' has no route`);
    return create(routePb.GetRouteResponseSchema, { route: routeToWire(route) });
  }

  @GrpcMethod('RouteService', 'startRollout')
  async startRollout(request: routePb.StartRolloutRequest, _metadata?: unknown, call?: GrpcPeer) {
    const { version, force, issuedBy } = request;
    const answer = await this.submit(request, { kind: 'startRollout', version, force }, call, issuedBy);
    return create(routePb.StartRolloutResponseSchema, answer);
  }

  @GrpcMethod('RouteService', 'promote')
  async promote(request: routePb.PromoteRequest, _metadata?: unknown, call?: GrpcPeer) {
    const answer = await this.submit(request, { kind: 'promote', version: request.version }, call);
    return create(routePb.PromoteResponseSchema, answer);
  }

  @GrpcMethod('RouteService', 'rollback')
  async rollback(request: routePb.RollbackRequest, _metadata?: unknown, call?: GrpcPeer) {
    return create(routePb.RollbackResponseSchema, await this.submit(request, { kind: 'rollback' }, call));
  }

  @GrpcMethod('RouteService', 'advanceRollout')
  async advanceRollout(request: routePb.AdvanceRolloutRequest, _metadata?: unknown, call?: GrpcPeer) {
    const answer = await this.submit(request, { kind: 'advance', version: request.version }, call, request.issuedBy);
    return create(routePb.AdvanceRolloutResponseSchema, answer);
  }

  @GrpcMethod('RouteService', 'pauseRollout')
  async pauseRollout(request: routePb.PauseRolloutRequest, _metadata?: unknown, call?: GrpcPeer) {
    const answer = await this.submit(request, { kind: 'pause', version: request.version }, call, request.issuedBy);
    return create(routePb.PauseRolloutResponseSchema, answer);
  }

  @GrpcMethod('RouteService', 'resumeRollout')
  async resumeRollout(request: routePb.ResumeRolloutRequest, _metadata?: unknown, call?: GrpcPeer) {
    const answer = await this.submit(request, { kind: 'resume', version: request.version }, call, request.issuedBy);
    return create(routePb.ResumeRolloutResponseSchema, answer);
  }

  @GrpcMethod('RouteService', 'abortRollout')
  async abortRollout(request: routePb.AbortRolloutRequest, _metadata?: unknown, call?: GrpcPeer) {
    const answer = await this.submit(request, { kind: 'abort', version: request.version }, call, request.issuedBy);
    return create(routePb.AbortRolloutResponseSchema, answer);
  }

  @GrpcMethod('RouteService', 'startExperiment')
  async startExperiment(request: routePb.StartExperimentRequest, _metadata?: unknown, call?: GrpcPeer) {
    const { name, arms, control, share, force, issuedBy } = request;
    const forMs = Number(request.forMs);
    const action = { name, arms, control, share: share === 0 ? 100 : share, forMs, force };
    const answer = await this.submit(request, { kind: 'startExperiment', ...action }, call, issuedBy);
    return create(routePb.StartExperimentResponseSchema, answer);
  }

  @GrpcMethod('RouteService', 'getExperiment')
  getExperiment({ project }: routePb.GetExperimentRequest) {
    const route = this.table.get(project);
    if (route === undefined) throw new PlatformError('not_found', `project '${project}' has no route`);
    const { experiment } = routeToWire(route);
    const { arms = [], waitsFor = '' } = this.experiments.of(route) ?? {};
    return create(routePb.GetExperimentResponseSchema, { experiment, waitsFor, arms: arms.map(armToWire) });
  }

  @GrpcMethod('RouteService', 'setExperimentWeights')
  async setExperimentWeights(request: routePb.SetExperimentWeightsRequest, _metadata?: unknown, call?: GrpcPeer) {
    const { name, weights, share, issuedBy } = request;
    const action = { kind: 'setExperimentWeights' as const, name, weights, share };
    const answer = await this.submit(request, action, call, issuedBy);
    return create(routePb.SetExperimentWeightsResponseSchema, answer);
  }

  @GrpcMethod('RouteService', 'endExperiment')
  async endExperiment(request: routePb.EndExperimentRequest, _metadata?: unknown, call?: GrpcPeer) {
    const { name, winner, issuedBy } = request;
    const answer = await this.submit(request, { kind: 'endExperiment', name, winner }, call, issuedBy);
    return create(routePb.EndExperimentResponseSchema, answer);
  }

  private async submit(request: ControlRequest, action: RouteAction, call: GrpcPeer | undefined, issuedBy = '') {
    refuseNameless(action, issuedBy);
    const { project, reason, correlationId, expectedRevision } = request;
    const said = { project, reason, correlationId, expectedRevision: Number(expectedRevision) };
    const from = { tool: 'grpc', address: addressOf(call?.getPeer() ?? '') };
    const answer = await this.control.submit({ ...said, ...from, issuedBy: issuedBy || from.tool }, action);
    return { route: routeToWire(answer.route), switch: answer.switch ? switchToWire(answer.switch) : undefined };
  }
}

/** By the one codec that there is of a route. */
const routeToWire = (route: Route): routePb.Route => fromBinary(routePb.RouteSchema, encodeRoute(route));

function switchToWire(made: Switch): MessageInitShape<typeof routePb.SwitchSchema> {
  return { ...made, atMs: BigInt(made.atMs), failed: BigInt(made.failed) };
}

function armToWire(arm: ArmFigures): MessageInitShape<typeof routePb.ArmFiguresSchema> {
  const { version, variant, answered, failed, p50Ms, p95Ms, p99Ms, comparison } = arm;
  const quantiles = { p50Ms: p50Ms ?? undefined, p95Ms: p95Ms ?? undefined, p99Ms: p99Ms ?? undefined };
  const { verdict = '', reason = '' } = comparison ?? {};
  return { version, variant, answered: BigInt(answered), failed: BigInt(failed), ...quantiles, verdict, reason };
}
