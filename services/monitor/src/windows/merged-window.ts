// What the partitions' shares of a window are together: one profile a cohort when it closes, and how many rows each had
// when its quality is judged. In the order of the partitions, so that figures do not depend on who counted what. Past
// COHORTS_MAX cohorts beside ALL the rows of a further one count in ALL only.

import { ALL, COHORTS_MAX, CohortMap } from '@millrace/domain';
import type { CohortRows, Share } from './part.js';
import { CohortProfile } from './profile.js';

/** `shares`: open ones. ALL first; `unkept`: rows of cohorts past the bound. */
export function mergedProfiles(shares: readonly Share[]): { profiles: CohortProfile[]; unkept: number } {
  const byCohort = new CohortMap<[CohortProfile, ...CohortProfile[]]>(COHORTS_MAX + 1);
  let unkept = 0;
  byCohort.set(ALL, [new CohortProfile(ALL, undefined)]);
  for (const profile of shares.flatMap((share) => share.list())) {
    const known = byCohort.get(profile.cohort);
    if (known !== undefined) known.push(profile);
    else if (!byCohort.set(profile.cohort, [profile])) unkept += profile.rows;
  }
  const profiles = byCohort.cohorts().map((cohort) => {
    return CohortProfile.merged(byCohort.get(cohort) as [CohortProfile, ...CohortProfile[]]);
  });
  return { profiles, unkept };
}

/** `shares`: closed ones. ALL first, of a window without rows, too. */
export function mergedRows(shares: readonly Share[]): CohortRows[] {
  const byCohort = new CohortMap<CohortRows>(COHORTS_MAX + 1);
  byCohort.set(ALL, { cohort: ALL, rows: 0 });
  for (const { cohort, rows } of shares.flatMap((share) => share.rows())) {
    const known = byCohort.get(cohort);
    if (known === undefined) byCohort.set(cohort, { cohort, rows });
    else known.rows += rows;
  }
  return byCohort.cohorts().map((cohort) => byCohort.get(cohort) as CohortRows);
}
