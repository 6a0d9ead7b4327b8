/** Tests say themselves how esb is configured; what the user has set must not change their outcome. */
export function forgetSettings(): void {
  for (const name of Object.keys(process.env)) {
    if (/^(ESB_(?!TEST_)|LAMBDA_NETWORK|RUNTIME_TYPE|LOG_LEVEL|IDLE_TIMEOUT)/.test(name)) delete process.env[name];
  }
}
