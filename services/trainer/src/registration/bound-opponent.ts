// A version that was trained elsewhere, as the one that a new version has to beat: opened for the comparison and closed
// after it, for a comparison is rare and an open model takes a process.

import { taskOf } from '@millrace/domain';
import { parsePlan } from '@millrace/features';
import { type Binding, parseBinding } from '@millrace/inference';
import type { Project } from '@millrace/project';
import type { Opponent } from '../pipeline/evaluate.js';
import { boundScores } from './bound-scores.js';
import type { LocalModelFile, ModelOpener } from './open-model.js';

export interface BoundPackageSource {
  /** A text file of the package. */
  text(path: string): Promise<string>;
  /** The model's own files, by their place within the model. */
  own(): Promise<LocalModelFile[]>;
}

export async function boundOpponent(
  project: Project,
  version: number,
  source: BoundPackageSource,
  opener: ModelOpener,
): Promise<Omit<Opponent, 'labelRule'>> {
  const binding: Binding = parseBinding(await source.text('binding.json'));
  const { inputs } = parsePlan(await source.text('features.json'));
  return {
    version,
    inputs,
    score: async (rows) => {
      const { upstream } = binding;
      const id = `${project.name}-${version}-opponent`;
      const model =
        upstream === undefined ? await opener.files(id, await source.own()) : await opener.upstream(upstream);
      try {
        return await boundScores(model, binding, taskOf(project.scope.task), rows);
      } finally {
        await model.close();
      }
    },
  };
}
