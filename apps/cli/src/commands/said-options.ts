// Who asks for a change, and why: the options of commands that change the file, route, experiment or loop of a project,
// or its holds, and how they go to the services. Nobody checks the name.

import type { Command } from 'commander';
import type { Said } from '../client/control.http.js';

export type { Said };

interface Wording {
  /** Where a command asks more of them, or keeps them elsewhere; what stands behind each option. */
  reason?: string;
  by?: string;
  /** It is refused without them. */
  required?: boolean;
}

export function withSaid(command: Command, wording: Wording = {}): Command {
  const {
    reason = 'why; kept with the change and in the audit',
    by = 'who asks; kept with the change and in the audit',
  } = wording;
  const asked = { reason: ['--reason <text>', reason], by: ['--by <name>', by] } as const;
  return wording.required === true
    ? command.requiredOption(...asked.reason).requiredOption(...asked.by)
    : command.option(...asked.reason).option(...asked.by);
}

/** What was said, for services that take it so. */
export const said = ({ by, reason }: Said): Said => ({
  ...(by === undefined ? {} : { by }),
  ...(reason === undefined ? {} : { reason }),
});

/** What stands with a change of a route where nobody said why. */
const BY_HAND = 'by hand';

/** The same, as the router's commands take it. `what`: the command, in its correlation id. */
export const issued = (what: string, { by, reason = BY_HAND }: Said) => ({
  reason,
  correlationId: `cli-${what}`,
  ...(by === undefined ? {} : { issuedBy: by }),
});
