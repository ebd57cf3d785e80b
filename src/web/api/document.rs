//! The OpenAPI document, made of the same registrations as the router.

use super::{input::PLACES, registrar::IDEMPOTENCY_LIMIT};
use crate::{
    policy::{Operation, Requirement},
    web::refusal::Envelope,
};
use axum::http::Method;
use utoipa::{
    ToSchema,
    openapi::{
        ComponentsBuilder, Content, HttpMethod, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem, Paths,
        Ref, RefOr, Required, Response, ResponseBuilder, SecurityRequirement,
        path::{OperationBuilder, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
        schema::{AdditionalProperties, ObjectBuilder, Schema, SchemaType, Type},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

const JSON: &str = "application/json";
const ABOUT: &str = "Latchkey's interface for programs. Every call carries an API key, in `x-portkey-api-key` or as the \
    bearer; the key decides the organisation and what may be done. Every answer is a JSON object. Lists come in pages \
    that are numbered from 0. Fields that are not known are refused by name. Those that repeat a part of the path are \
    not: `id` and `invite_id` for the `id` of an invite, and `type` and `object`, which answers carry. They must say what \
    the path says. Every answer has an id of its own in `x-request-id`.";

/// The document as far as it is written.
pub struct Document {
    paths: Paths,
    schemas: Vec<(String, RefOr<Schema>)>,
}

impl Document {
    pub fn new() -> Self {
        let mut document = Self { paths: Paths::new(), schemas: vec![] };
        document.note::<Envelope<'static>>();
        document
    }

    fn note<T: ToSchema>(&mut self) {
        self.schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(&mut self.schemas);
    }

    /// Adds a route: its fields stand in the address for `GET`, else in the body.
    pub fn add<I: ToSchema, A: ToSchema>(
        &mut self,
        operation: Operation,
        method: &Method,
        path: &'static str,
        summary: &str,
    ) {
        self.note::<A>();
        self.add_answering::<I>(operation, method, path, summary, json_response::<A>("Done."));
    }

    /// The same for a route that answers with a file of this content type.
    pub fn add_file<I: ToSchema>(
        &mut self,
        operation: Operation,
        method: &Method,
        path: &'static str,
        summary: &str,
        kind: &str,
    ) {
        let text = ObjectBuilder::new().schema_type(SchemaType::from(Type::String)).build();
        let file = ResponseBuilder::new().description("The file.").content(kind, Content::new(Some(text)));
        self.add_answering::<I>(operation, method, path, summary, file.build());
    }

    fn add_answering<I: ToSchema>(
        &mut self,
        operation: Operation,
        method: &Method,
        path: &'static str,
        summary: &str,
        answer: Response,
    ) {
        let mut entry = entry(operation, path, summary).response("200", answer);
        let fields = properties(&I::schema());
        if *method == Method::GET {
            let places = PLACES.map(|place| (place.to_owned(), place_schema(), false));
            for (name, schema, required) in fields.into_iter().chain(places) {
                entry = entry.parameter(
                    ParameterBuilder::new()
                        .name(name)
                        .parameter_in(ParameterIn::Query)
                        .required(if required { Required::True } else { Required::False })
                        .description(description(&schema))
                        .schema(Some(schema)),
                );
            }
        } else if !fields.is_empty() {
            self.schemas.push((I::name().into_owned(), strict(I::schema())));
            I::schemas(&mut self.schemas);
            let body = RequestBodyBuilder::new()
                .content(JSON, Content::new(Some(Ref::from_schema_name(I::name()))))
                .required(Some(Required::True))
                .build();
            entry = entry.request_body(Some(body));
        }
        if operation == Operation::ApiKeyCreate {
            entry = entry.parameter(idempotency_key());
        }
        self.insert(method, path, entry);
    }

    /// Adds a route of the gateway, whose bodies are the providers' own.
    pub fn add_open(
        &mut self,
        operation: Operation,
        method: &Method,
        path: &'static str,
        summary: &str,
        takes: Option<&str>,
    ) {
        let object = || ObjectBuilder::new().schema_type(SchemaType::from(Type::Object)).build();
        let answer =
            ResponseBuilder::new().description("As the provider answers.").content(JSON, Content::new(Some(object())));
        let mut entry = entry(operation, path, summary).response("200", answer.build());
        if let Some(kind) = takes {
            let body = RequestBodyBuilder::new()
                .content(kind, Content::new(Some(object())))
                .required(Some(Required::True))
                .build();
            entry = entry.request_body(Some(body));
        }
        self.insert(method, path, entry);
    }

    fn insert(&mut self, method: &Method, path: &str, entry: OperationBuilder) {
        let method = match *method {
            Method::POST => HttpMethod::Post,
            Method::PUT => HttpMethod::Put,
            Method::DELETE => HttpMethod::Delete,
            _ => HttpMethod::Get,
        };
        let mut item = PathItem::new(method, entry);
        if let Some(known) = self.paths.paths.remove(path) {
            item.merge_operations(known);
        }
        self.paths.paths.insert(path.to_owned(), item);
    }

    pub fn build(self) -> OpenApi {
        let named =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The API key as the bearer.")).build();
        let header = ApiKeyValue::with_description("x-portkey-api-key", "The API key.");
        let components = ComponentsBuilder::new()
            .schemas_from_iter(self.schemas)
            .security_scheme("header", SecurityScheme::ApiKey(ApiKey::Header(header)))
            .security_scheme("bearer", SecurityScheme::Http(named))
            .build();
        let none: [&str; 0] = [];
        OpenApiBuilder::new()
            .info(
                InfoBuilder::new()
                    .title("Latchkey")
                    .version(env!("CARGO_PKG_VERSION"))
                    .description(Some(ABOUT))
                    .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build())),
            )
            .paths(self.paths)
            .components(Some(components))
            .security(Some([SecurityRequirement::new("header", none), SecurityRequirement::new("bearer", none)]))
            .build()
    }
}

/// What every operation tells of itself.
fn entry(operation: Operation, path: &str, summary: &str) -> OperationBuilder {
    let spec = operation.spec();
    let needs = match spec.requires {
        Requirement::Holds(permission) => format!("Needs the permission `{permission}`."),
        Requirement::Both(first, second) => format!("Needs the permissions `{first}` and `{second}`."),
        Requirement::Belonging => "Needs no permission: every key may ask.".to_owned(),
        Requirement::Anyone | Requirement::Person | Requirement::Membership => String::new(),
    };
    let (area, verb) = spec.id.split_once('.').unwrap_or((spec.id, ""));
    let entry = OperationBuilder::new()
        .tag(area)
        // Where an operation has several paths, each is named by what it has more than the first.
        .operation_id(Some(if spec.routes.first().is_some_and(|first| first.ends_with(path)) {
            spec.id.replace('.', "_")
        } else {
            format!(
                "{area}_{verb}_by_{}",
                path.split(['/', '{', '}', '-']).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_")
            )
        }))
        .summary(Some(summary))
        .description(Some(needs));
    let entry = path_parts(path).into_iter().fold(entry, |entry, name| {
        entry.parameter(
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(ObjectBuilder::new().schema_type(SchemaType::from(Type::String)))),
        )
    });
    entry.response("default", json_response::<Envelope<'static>>("Refused or failed. `error.code` says why."))
}

/// The header by which a request that is sent again is done once.
fn idempotency_key() -> ParameterBuilder {
    let text = ObjectBuilder::new()
        .schema_type(SchemaType::from(Type::String))
        .min_length(Some(1))
        .max_length(Some(IDEMPOTENCY_LIMIT));
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("Sent again within a day by the same caller, the request makes nothing: it answers with what the first one made, without the secret."))
        .schema(Some(text))
}

fn json_response<T: ToSchema>(about: &str) -> Response {
    ResponseBuilder::new()
        .description(about)
        .content(JSON, Content::new(Some(Ref::from_schema_name(T::name()))))
        .build()
}

/// The names in the braces of a path.
fn path_parts(path: &str) -> Vec<&str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect()
}

/// A body with no fields but these, and those that name the key's own organisation.
fn strict(schema: RefOr<Schema>) -> RefOr<Schema> {
    let RefOr::T(Schema::Object(mut object)) = schema else { return schema };
    object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    for place in PLACES {
        object.properties.insert(place.to_owned(), place_schema());
    }
    Schema::Object(object).into()
}

fn place_schema() -> RefOr<Schema> {
    let about = "The key's own organisation, by its id or slug. No other exists for the key.";
    ObjectBuilder::new().schema_type(SchemaType::from(Type::String)).description(Some(about)).into()
}

fn properties(schema: &RefOr<Schema>) -> Vec<(String, RefOr<Schema>, bool)> {
    let RefOr::T(Schema::Object(object)) = schema else { return vec![] };
    object
        .properties
        .iter()
        .map(|(name, schema)| (name.clone(), schema.clone(), object.required.contains(name)))
        .collect()
}

fn description(schema: &RefOr<Schema>) -> Option<String> {
    match schema {
        RefOr::T(Schema::Object(object)) => object.description.clone(),
        RefOr::T(Schema::Array(array)) => array.description.clone(),
        _ => None,
    }
}
