// Loads and unloads where several servings are behind the router: what is done to one of them and means all.

import { PlatformError } from '@millrace/domain';

/** A model that one of several has answers some requests and not others. */
export const loadsOne = (servings: number): PlatformError =>
  new PlatformError(
    'invalid_argument',
    `${servings} servings are behind this router, and a load reaches one of them: ask each serving itself`,
  );
