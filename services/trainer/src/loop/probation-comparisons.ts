// Carries out what probations ask for: one comparison at a time over all projects, beside the trainings. A result goes
// back to the loop as an input; a comparison that is asked for again (a restart, an effect that failed) while it is
// waiting or under way is the same one. What the loop has given up in the meantime it does not take.

import { PlatformError } from '@millrace/domain';
import type { Project } from '@millrace/project';
import { type ComparisonPorts, compareOnRows, type Opponents, openOpponents } from '../pipeline/live-comparison.js';
import type { LoopEffect, LoopInput } from './loop-state.js';

export type CompareEffect = Extract<LoopEffect, { kind: 'compare' }>;

/** What one project asks for at a time is one; this is one for each of as many as there may be. */
const WAITING_MAX = 4_096;

export interface ProbationPorts extends ComparisonPorts {
  /** undefined where it is no more. */
  project(name: string): Project | undefined;
  /** Brings the result; it is told again until it is taken. */
  tell(project: string, input: LoopInput): Promise<void>;
  log: {
    info(message: string, facts: Record<string, string | number>): void;
    error(message: string, facts: Record<string, string | number>, thrown?: unknown): void;
  };
}

export class ProbationComparisons {
  private readonly asked = new Set<string>();
  private tail: Promise<void> = Promise.resolve();

  constructor(private readonly ports: ProbationPorts) {}

  /** @throws PlatformError overloaded */
  ask(project: string, effect: CompareEffect): void {
    const key = `${project}/${effect.version}/${effect.datasetVersion}`;
    if (this.asked.has(key)) return;
    if (this.asked.size >= WAITING_MAX)
      throw new PlatformError('overloaded', `${WAITING_MAX} comparisons wait already`);
    this.asked.add(key);
    this.tail = this.tail.then(async () => {
      try {
        await this.carryOut(project, effect);
      } catch (thrown) {
        this.ports.log.error('the result of a comparison was not told to the loop', { project }, thrown);
      } finally {
        this.asked.delete(key);
      }
    });
  }

  /** Resolves when all that was asked for is over. */
  idle(): Promise<void> {
    return this.tail;
  }

  private async carryOut(name: string, effect: CompareEffect): Promise<void> {
    const { project, tell, log } = this.ports;
    const definition = project(name);
    // Its loop is over as well.
    if (definition === undefined) return;
    await tell(name, await this.resultOf(definition, effect));
    log.info('two versions were compared on the rows of a dataset version', {
      ...{ project: name, version: effect.version, against: effect.against, dataset_version: effect.datasetVersion },
    });
  }

  private async resultOf(project: Project, effect: CompareEffect): Promise<LoopInput> {
    const { version, against, datasetVersion, share } = effect;
    const of = { version, datasetVersion };
    try {
      this.ports.rows.versions(project.name, [datasetVersion]);
    } catch {
      return { kind: 'not_compared', ...of, outcome: 'skip', reason: 'the dataset version is no more' };
    }
    let opponents: Opponents;
    try {
      opponents = await openOpponents(project, { version, against }, this.ports.models);
    } catch (thrown) {
      return this.notCompared(project, effect, thrown, 'end');
    }
    try {
      const rows = await compareOnRows(project, { datasetVersion, share }, opponents, this.ports);
      return { kind: 'compared', ...of, rows };
    } catch (thrown) {
      return this.notCompared(project, effect, thrown, 'skip');
    }
  }

  /** `forGood`: what it comes to where another try would fail as well. */
  private notCompared(
    project: Project,
    { version, against, datasetVersion }: CompareEffect,
    thrown: unknown,
    forGood: 'end' | 'skip',
  ): LoopInput {
    const { retry, reason, code } = PlatformError.from(thrown, 'unavailable');
    const facts = { project: project.name, version, against, dataset_version: datasetVersion, code, reason };
    this.ports.log.error('two versions could not be compared', facts);
    return { kind: 'not_compared', version, datasetVersion, outcome: retry === 'never' ? forGood : 'again', reason };
  }
}
