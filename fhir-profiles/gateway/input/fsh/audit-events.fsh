// AuditEvents for which IHE BALP has no profile: refusals and failures, rejected tokens, decisions without a person, an
// organization or a Consent, what was withheld, and what the gateway does of itself.

Alias: $type = http://terminology.hl7.org/CodeSystem/audit-event-type
Alias: $DCM = http://dicom.nema.org/resources/ontology/DCM
Alias: $entityType = http://terminology.hl7.org/CodeSystem/audit-entity-type
Alias: $role = http://terminology.hl7.org/CodeSystem/object-role
Alias: $balpEntityType = https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType
Alias: $authz = https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType
Alias: $agents = https://profiles.ihe.net/ITI/BALP/CodeSystem/UserAgentTypes
Alias: $securityRole = http://terminology.hl7.org/CodeSystem/extra-security-role-type
Alias: $source = http://terminology.hl7.org/CodeSystem/security-source-type

Extension: AuditEventIdentifier
Id: audit-event-identifier
Title: "Identifier of an event"
Description: "By it a repository tells a repeated delivery from a new event; R4 gives AuditEvent no identifier, and a create loses the id."
* ^url = "urn:fhir-consent-gateway:audit-event-identifier"
* ^context.type = #element
* ^context.expression = "AuditEvent"
* value[x] only Identifier
* valueIdentifier 1..1
* valueIdentifier.system 1..1
* valueIdentifier.system = "urn:ietf:rfc:3986"
* valueIdentifier.value 1..1

Invariant: not-a-success
Description: "It did not succeed."
Severity: #error
Expression: "outcome != '0'"

Invariant: activity-type
Description: "Application Activity, Security Alert or Audit Log Used."
Severity: #error
Expression: "type.code = '110100' or type.code = '110113' or type.code = '110101'"

RuleSet: Common
* meta.security 1..*
* extension contains AuditEventIdentifier named identifier 1..1
* action 1..1
* outcome 1..1
* source.site 1..1
* source.type 1..1

// Who asked is named where it is known; the gateway always is.
RuleSet: ClientAndGateway
* agent ^slicing.discriminator.type = #pattern
* agent ^slicing.discriminator.path = "type"
* agent ^slicing.rules = #open
* agent contains source 1..1 and destination 1..1
* agent[source].type = $DCM#110153
* agent[source].network 1..1
* agent[destination].type = $DCM#110152
* agent[destination].network 1..1

RuleSet: RequestEntity
* entity ^slicing.discriminator.type = #pattern
* entity ^slicing.discriminator.path = "type"
* entity ^slicing.rules = #open
* entity contains request 1..1
* entity[request].type = $balpEntityType#XrequestId
* entity[request].what 1..1
* entity[request].what.identifier 1..1
* entity[request].what.identifier.value 1..1
* entity[request].detail 1..*

Profile: UnsuccessfulAnswer
Parent: AuditEvent
Id: unsuccessful-answer
Title: "A request that was refused, found nothing or failed"
Description: "The shape of a BALP REST event with its real outcome: BALP's own are for successes. On the primary trail it names what was asked for, hidden or absent alike."
* ^url = "urn:fhir-consent-gateway:profile:unsuccessful-answer"
* obeys not-a-success
* insert Common
* insert ClientAndGateway
* insert RequestEntity
* type = $type#rest
* outcomeDesc 1..1
* source.type = $source#4
* entity 2..*

Profile: RejectedToken
Parent: AuditEvent
Id: rejected-token
Title: "A request without an acceptable token"
Description: "Nobody is named, as nobody is known; no parameter is kept, as one of them may be a token."
* ^url = "urn:fhir-consent-gateway:profile:rejected-token"
* obeys not-a-success
* insert Common
* insert ClientAndGateway
* insert RequestEntity
* type = $DCM#110114
* outcomeDesc 1..1
* source.type = $source#6
* agent 2..2
* entity 2..2

Profile: OtherAnswer
Parent: AuditEvent
Id: other-answer
Title: "A success of a kind that BALP has no profile for"
Description: "Histories, answers of services, and reads that held something else than one resource."
* ^url = "urn:fhir-consent-gateway:profile:other-answer"
* insert Common
* insert ClientAndGateway
* insert RequestEntity
* type = $type#rest
* subtype 1..*
* outcome = #0
* source.type = $source#4
* entity 2..*

Profile: Decision
Parent: AuditEvent
Id: decision
Title: "A decision without a person, an organization or a Consent"
Description: "The shape of BALP AuthZconsent where it cannot be claimed: it asks for all three."
* ^url = "urn:fhir-consent-gateway:profile:decision"
* insert Common
* type = $DCM#110113
* subtype 1..1
* subtype from DecisionKinds (required)
* action = #E
* outcomeDesc 1..1
* source.type = $source#6
* agent ^slicing.discriminator.type = #pattern
* agent ^slicing.discriminator.path = "type"
* agent ^slicing.rules = #open
* agent contains application 1..1 and authorizer 1..1
* agent[application].type = $DCM#110150
* agent[application].who 1..1
* agent[application].network 1..1
* agent[authorizer].type = $securityRole#authserver
* agent[authorizer].who 1..1
* entity ^slicing.discriminator.type = #pattern
* entity ^slicing.discriminator.path = "type"
* entity ^slicing.rules = #open
* entity contains token 1..1
* entity[token].type = $agents#UserOauthAgent
* entity[token].what 1..1

ValueSet: DecisionKinds
Id: decision-kinds
Title: "By Consent or by role"
Description: "What a decision went by."
* ^url = "urn:fhir-consent-gateway:valueset:decision-kinds"
* $authz#AuthZ-Consent
* $authz#AuthZ-Role

Profile: Withheld
Parent: AuditEvent
Id: withheld
Title: "What was withheld of one patient in one answer"
Description: "For the security office alone: it names what the requester may not know of."
* ^url = "urn:fhir-consent-gateway:profile:withheld"
* insert Common
* insert ClientAndGateway
* insert RequestEntity
* type = $type#rest
* outcome = #4
* outcomeDesc 1..1
* outcomeDesc = "withheld"
* source.type = $source#6
* entity 2..*
* entity[request].detail ^slicing.discriminator.type = #value
* entity[request].detail ^slicing.discriminator.path = "type"
* entity[request].detail ^slicing.rules = #open
* entity[request].detail contains count 1..1
* entity[request].detail[count].type = "withheld"
* entity[request].detail[count].value[x] only string

Profile: Activity
Parent: AuditEvent
Id: activity
Title: "What the gateway did that is no answer"
Description: "Its start and stop, the policy set and configuration it goes by, signatures on the chain of records, records removed in their time, alerts."
* ^url = "urn:fhir-consent-gateway:profile:activity"
* obeys activity-type
* insert Common
* action = #E
* outcome = #0
* outcomeDesc 1..1
* source.type = $source#6
* agent ^slicing.discriminator.type = #pattern
* agent ^slicing.discriminator.path = "type"
* agent ^slicing.rules = #open
* agent contains gateway 1..1
* agent[gateway].type = $securityRole#authserver
* agent[gateway].who 1..1
* entity 1..1
* entity.type 1..1
* entity.type = $entityType#2
* entity.role 1..1
* entity.role = $role#13
* entity.name 1..1
* entity.detail 1..*
