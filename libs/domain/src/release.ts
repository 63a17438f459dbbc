// The release of the platform, as package.json says it (test/tidy holds the two equal).

export const RELEASE = '0.1.0';
