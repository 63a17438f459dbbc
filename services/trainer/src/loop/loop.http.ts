// The loop's state and what a person may say to it over HTTP, as libs/api says.

import { type BodyOf, LOOP_WORDS, trainerApi } from '@millrace/api';
import { PlatformError } from '@millrace/domain';
import { Answers } from '@millrace/service';
import { Body, Controller, Inject, Param } from '@nestjs/common';
import { causeOf } from './episode.js';
import { LoopRunner } from './loop-runner.js';

const { loop, loopCommand } = trainerApi.endpoints;

@Controller()
export class LoopHttp {
  constructor(@Inject(LoopRunner) private readonly runner: LoopRunner) {}

  @Answers(loop)
  state(@Param('project') project: string) {
    const state = this.runner.stateOf(project);
    const episode = state.episode && { ...state.episode, cause: causeOf(state.episode) };
    const [waits, asked] = [this.runner.waitOf(project), this.runner.askedOf(project)];
    return { ...state, episode, waits, asked, probation: this.runner.probationOf(project) };
  }

  /** approve and reject answer what it asks, stop is the kill switch, resume ends it. */
  @Answers(loopCommand)
  async command(
    @Param('project') project: string,
    @Param('command') command: string,
    @Body() { by = '', reason = '', about }: BodyOf<typeof loopCommand> = {},
  ) {
    const kind = LOOP_WORDS.find((known) => known === command);
    if (kind === undefined) {
      throw new PlatformError('invalid_argument', `the loop knows ${LOOP_WORDS.join(', ')}, not "${command}"`);
    }
    if (kind === 'approve' || kind === 'reject') {
      if (by.trim() === '') throw new PlatformError('invalid_argument', `${kind} takes by: who decides it`);
      if (kind === 'reject' && reason.trim() === '')
        throw new PlatformError('invalid_argument', 'reject takes reason: what the next one should know');
      const fault = this.runner.wordFault(project, { kind, by, about });
      if (fault !== undefined) throw new PlatformError('conflict', fault);
    }
    await this.runner.apply(project, { kind, by, reason, about });
    return this.state(project);
  }
}
