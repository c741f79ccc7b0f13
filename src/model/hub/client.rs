//! Requests to the hub: the files of a repository, and the size and etag of a file.

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use hf_hub::{
    Cache, Repo, RepoType,
    api::sync::{Api, ApiBuilder, ApiError},
};
use ureq::{
    Agent, RequestBuilder,
    config::RedirectAuthHeaders,
    http::{Uri, uri::PathAndQuery},
    typestate::WithoutBody,
};

use super::{
    Progress, Transfer,
    cache::{is_plain_name, repo},
    error::{Error, Result},
    id::HubId,
    options::Options,
};

/// Interval at which `progress` is asked to continue while no data arrives.
pub(super) const TICK: Duration = Duration::from_millis(100);
/// Maximum time to wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Maximum time without data on a connection.
const SILENCE: Duration = Duration::from_secs(15);
const REDIRECTS: usize = 10;

#[derive(Clone, Debug)]
pub(super) struct Hub {
    id: HubId,
    endpoint: String,
    token: Option<String>,
    api: Api,
    /// The client is our own, because the hf-hub crate sends the token to any host that a file redirects to,
    /// and its downloads cannot be cancelled.
    agent: Agent,
}

/// The hub's description of a file.
pub(super) struct FileInfo {
    /// Identifies the content: equal etags mean equal bytes.
    pub etag: String,
    pub size: u64,
}

impl Hub {
    pub fn new(id: &HubId, options: &Options) -> Result<Self> {
        let Options { cache, endpoint, token, offline: _ } = options.clone();
        let api = ApiBuilder::from_cache(Cache::new(cache))
            .with_endpoint(endpoint.clone())
            .with_token(token.clone())
            .with_user_agent(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .build()
            .map_err(|error| Error::Answer { url: endpoint.clone(), cause: error.to_string() })?;
        let agent = Agent::config_builder()
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .timeout_connect(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            .build()
            .into();
        Ok(Self { id: id.clone(), endpoint, token, api, agent })
    }

    /// The revision's commit, and the names of its files.
    pub fn files(&self, progress: &mut Progress<'_>) -> Result<(String, Vec<String>)> {
        let hub = self.clone();
        let info = self.ask(Transfer { file: "", done: 0, total: 0 }, progress, move || {
            hub.api.repo(repo(&hub.id)).info().map_err(|error| match error {
                ApiError::RequestError(error) => hub.explain(&hub.endpoint, *error),
                other => Error::Answer { url: hub.endpoint.clone(), cause: other.to_string() },
            })
        })?;
        Ok((info.sha, info.siblings.into_iter().map(|sibling| sibling.rfilename).collect()))
    }

    /// The URL of a file at a commit, so a push between two files does not mix two states of the repository.
    pub fn url(&self, file: &str, commit: &str) -> String {
        let pinned = Repo::with_revision(self.id.repository().into(), RepoType::Model, commit.into());
        self.api.repo(pinned).url(file)
    }

    pub fn info(&self, url: &str, file: &str, progress: &mut Progress<'_>) -> Result<FileInfo> {
        let (hub, url) = (self.clone(), url.to_string());
        self.ask(Transfer { file, done: 0, total: 0 }, progress, move || hub.info_now(&url))
    }

    /// Requests the first byte. Large files are on other hosts; the relevant headers are those of the hub
    /// before the redirect.
    fn info_now(&self, url: &str) -> Result<FileInfo> {
        let senseless = |cause: &str| Error::Answer { url: url.into(), cause: cause.into() };
        let (mut place, mut on_hub) = (url.to_string(), true);
        let (mut etag, mut size) = (None, None);
        for _ in 0..REDIRECTS {
            let request = if on_hub { self.get(&place) } else { self.get_without_token(&place) };
            let request = request.header("Range", "bytes=0-0").config().max_redirects(0).build();
            let answer = request.call().map_err(|error| self.explain(&place, error))?;
            let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
            let moved = answer.status().is_redirection();
            let location = header("location").filter(|_| moved);
            if let Some(location) = location.filter(|location| location.starts_with('/')) {
                place =
                    on_same_host(&place, location).ok_or_else(|| senseless("a redirect has no target"))?;
                continue;
            }
            if on_hub {
                etag = header("x-linked-etag").or(header("etag")).map(plain_etag);
            }
            let in_all = header("content-range").and_then(|range| range.rsplit('/').next());
            size = size.or(header("x-linked-size").or(in_all).and_then(|size| size.parse().ok()));
            match (etag.as_deref(), size, location) {
                (Some(etag), Some(size), _) if is_plain_name(etag) => {
                    return Ok(FileInfo { etag: etag.into(), size });
                }
                (Some(_), None, Some(location)) => (place, on_hub) = (location.into(), false),
                _ => return Err(senseless("a file has no etag or no size")),
            }
        }
        Err(senseless("there are too many redirects"))
    }

    /// Requests `identity`, because sizes and ranges refer to the uncompressed file.
    fn get_without_token(&self, url: &str) -> RequestBuilder<WithoutBody> {
        self.agent.get(url).header("Accept-Encoding", "identity")
    }

    pub fn get(&self, url: &str) -> RequestBuilder<WithoutBody> {
        let request = self.get_without_token(url);
        match &self.token {
            Some(token) => request.header("Authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    /// Waits for an answer, and meanwhile asks `progress` whether to continue.
    fn ask<T: Send + 'static>(
        &self,
        waiting: Transfer<'_>,
        progress: &mut Progress<'_>,
        question: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = mpsc::channel();
        // After the timeout the thread is abandoned, because a blocked socket cannot be woken.
        thread::spawn(move || answer.send(question()));
        let start = Instant::now();
        loop {
            match answered.recv_timeout(TICK) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Timeout) if start.elapsed() < PATIENCE => go_on(waiting, progress)?,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    return Err(self.unreachable(format!("no answer in {} s", PATIENCE.as_secs())));
                }
            }
        }
    }

    pub fn explain(&self, url: &str, error: ureq::Error) -> Error {
        let (id, endpoint) = (self.id.clone(), self.endpoint.clone());
        match error {
            ureq::Error::StatusCode(404) => Error::NotFound { id, endpoint },
            ureq::Error::StatusCode(status @ (401 | 403)) => {
                Error::NotAllowed { id, endpoint, status, with_token: self.token.is_some() }
            }
            ureq::Error::StatusCode(status) => Error::Status { url: url.into(), status },
            ureq::Error::Json(error) => Error::Answer { url: url.into(), cause: error.to_string() },
            other => self.unreachable(other),
        }
    }

    pub fn unreachable(&self, cause: impl ToString) -> Error {
        Error::Network { endpoint: self.endpoint.clone(), cause: cause.to_string() }
    }
}

/// The etag without the prefix of weak etags, which identify a compressed form of the same bytes.
fn plain_etag(etag: &str) -> String {
    etag.trim_start_matches("W/").trim_matches('"').to_string()
}

fn on_same_host(url: &str, location: &str) -> Option<String> {
    let mut parts = url.parse::<Uri>().ok()?.into_parts();
    parts.path_and_query = Some(location.parse::<PathAndQuery>().ok()?);
    Some(Uri::from_parts(parts).ok()?.to_string())
}

pub(super) fn go_on(transfer: Transfer<'_>, progress: &mut Progress<'_>) -> Result<()> {
    if progress(transfer).is_break() { Err(Error::Cancelled) } else { Ok(()) }
}
