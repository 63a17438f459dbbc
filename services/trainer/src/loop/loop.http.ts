// The loop's state and its three commands over HTTP, as libs/api says.

import { trainerApi } from '@millrace/api';
import { PlatformError } from '@millrace/domain';
import { Answers } from '@millrace/service';
import { Controller, Inject, Param } from '@nestjs/common';
import { LoopRunner } from './loop-runner.js';
import { causeOf } from './loop-state.js';

const COMMANDS = ['approve', 'stop', 'resume'] as const;

const { loop, loopCommand } = trainerApi.endpoints;

@Controller()
export class LoopHttp {
  constructor(@Inject(LoopRunner) private readonly runner: LoopRunner) {}

  @Answers(loop)
  state(@Param('project') project: string) {
    const state = this.runner.stateOf(project);
    const episode = state.episode && { ...state.episode, cause: causeOf(state.episode) };
    return { ...state, episode, waits: this.runner.waitOf(project), probation: this.runner.probationOf(project) };
  }

  /** approve lets a waiting retraining start, stop is the kill switch, resume ends it. */
  @Answers(loopCommand)
  async command(@Param('project') project: string, @Param('command') command: string) {
    const kind = COMMANDS.find((known) => known === command);
    if (kind === undefined) {
      throw new PlatformError('invalid_argument', `the loop knows ${COMMANDS.join(', ')}, not "${command}"`);
    }
    const { phase } = this.runner.stateOf(project);
    if (kind === 'approve' && phase !== 'approval')
      throw new PlatformError('conflict', `nothing of ${project} waits for an approval: its loop is ${phase}`);
    await this.runner.apply(project, { kind });
    return this.state(project);
  }
}
