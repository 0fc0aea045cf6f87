/** The part of oidc-provider 9 that the demonstration uses; the package brings no types. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http';

  export interface Client {
    readonly clientId: string;
  }

  export interface Token {
    readonly clientId?: string;
    readonly accountId?: string;
  }

  export interface ResourceServer {
    readonly scope: string;
    readonly audience: string;
    readonly accessTokenFormat: 'jwt';
    readonly accessTokenTTL: number;
    readonly jwt: { readonly sign: { readonly alg: string } };
  }

  interface AccessToken extends Token {
    resourceServer: unknown;
    extra: unknown;
    save(): Promise<string>;
  }

  export interface Grant {
    addOIDCScope(scope: string): void;
    addResourceScope(resource: string, scope: string): void;
    save(): Promise<string>;
  }

  export interface Context {
    readonly oidc?: {
      readonly route?: string;
      readonly provider: Provider;
      readonly client: Client;
      readonly session: { readonly accountId: string };
      readonly entities: { readonly Account?: { readonly accountId: string } };
    };
    body: unknown;
  }

  export default class Provider {
    constructor(issuer: string, configuration: object);
    readonly Client: { find(id: string): Promise<Client | undefined> };
    readonly Grant: new (values: {
      readonly clientId: string;
      readonly accountId: string;
    }) => Grant;
    readonly AccessToken: new (values: {
      readonly accountId: string;
      readonly client: Client;
      readonly scope: string;
      readonly gty: string;
    }) => AccessToken;
    readonly ResourceServer: new (
      identifier: string,
      info: ResourceServer,
    ) => object;
    use(middleware: (context: Context, next: () => Promise<void>) => Promise<void>): void;
    callback(): (request: IncomingMessage, response: ServerResponse) => void;
    interactionDetails(
      request: IncomingMessage,
      response: ServerResponse,
    ): Promise<{ readonly prompt: { readonly name: string }; readonly params: Readonly<Record<string, unknown>> }>;
    interactionFinished(request: IncomingMessage, response: ServerResponse, result: object): Promise<void>;
  }
}
