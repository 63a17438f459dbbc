// What a person says at the dashboard goes to who decides: rollouts to a router, the loop to the trainer. It is
// handed on with the page's own view of things (revision, version, question), so that a page that is behind is
// refused there. Who may write here at all is libs/service's browser guard.

import {
  bodyOf,
  type CalledFrom,
  LOOP_WORDS,
  monitorApi,
  ROLLOUT_WORDS,
  type routerApi,
  type trainerApi,
} from '@millrace/api';
import { type Clock, PlatformError } from '@millrace/domain';
import { rolloutProgress } from '@millrace/routing';
import { Answers, Caller } from '@millrace/service';
import { Body, Controller, Inject, Param } from '@nestjs/common';
import type { Replicas } from '../live/replicas.http.js';
import { CLOCK, VIEW_SOURCES } from './monitor.http.js';
import { trafficOf } from './route-traffic.js';
import type { ViewSources } from './views.js';

export const ROUTERS = Symbol('ROUTERS');
export const TRAINERS = Symbol('TRAINERS');

const { steerRollout, steerLoop } = monitorApi.endpoints;

@Controller()
export class SteeringHttp {
  constructor(
    @Inject(ROUTERS) private readonly routers: Replicas<typeof routerApi>,
    @Inject(TRAINERS) private readonly trainers: Replicas<typeof trainerApi>,
    @Inject(VIEW_SOURCES) private readonly sources: ViewSources,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Answers(steerRollout)
  async rollout(
    @Param('project') project: string,
    @Param('command') command: string,
    @Body() given: unknown,
    @Caller() caller: CalledFrom,
  ) {
    const word = known(ROLLOUT_WORDS, command, 'a rollout');
    const { by, reason, version, revision } = bodyOf(steerRollout, given);
    this.refuseUnknown(project);
    const said = { issuedBy: by.trim(), reason: reason.trim(), expectedRevision: revision };
    const path = { project };
    const { route } = await this.routers.tell(caller, (router) => {
      const ofRollout = { path, body: { version, ...said } };
      if (word === 'promote') return router.promote(ofRollout);
      if (word === 'rollback') return router.rollback({ path, body: said });
      const { advanceRollout: skip, pauseRollout: pause, resumeRollout: resume, abortRollout: abort } = router;
      return { skip, pause, resume, abort }[word](ofRollout);
    });
    this.sources.analyses.askAgain(project);
    const progress = rolloutProgress(route, this.clock.nowMs()) ?? null;
    return { route: { ...route, ...trafficOf(route), progress } };
  }

  @Answers(steerLoop)
  async loop(
    @Param('project') project: string,
    @Param('command') command: string,
    @Body() given: unknown,
    @Caller() caller: CalledFrom,
  ) {
    const word = known(LOOP_WORDS, command, 'the loop');
    const { by, reason, about } = bodyOf(steerLoop, given);
    this.refuseUnknown(project);
    const isAnswer = word === 'approve' || word === 'reject';
    if (isAnswer && about === undefined)
      throw new PlatformError('invalid_argument', `${word} takes about: which question of the loop is answered`);
    const body = { by: by.trim(), reason: reason.trim(), ...(isAnswer ? { about } : {}) };
    const loop = await this.trainers.tell(caller, (trainer) =>
      trainer.loopCommand({ path: { project, command: word }, body }),
    );
    this.sources.loops.askAgain(project);
    return loop;
  }

  private refuseUnknown(project: string): void {
    if (this.sources.metadata.project(project) === undefined)
      throw new PlatformError('not_found', `no project '${project.slice(0, 63)}'`);
  }
}

function known<const W extends string>(words: readonly W[], word: string, what: string): W {
  const found = words.find((one) => one === word);
  if (found !== undefined) return found;
  throw new PlatformError('invalid_argument', `${what} knows ${words.join(', ')}, not "${word.slice(0, 40)}"`);
}
