// Where the artifact store keeps model packages: those who write, load and delete them go by the same names.

/** The packages of a project, each in a folder of its version's number. */
export const packagesFolder = (project: string): string => `models/${project}`;

export const packageFolder = (project: string, version: number): string => `${packagesFolder(project)}/${version}`;
