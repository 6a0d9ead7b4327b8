/** The account, API and region that events name; settings, not what AWS has. */
export interface ApiIdentity {
  /** 12 digits. */
  readonly accountId: string;
  readonly apiId: string;
  readonly region: string;
}
