//! Amazon's own hosts of S3: which they are, and the region in their names.

use http::Uri;

/// A host of Amazon S3: `s3.REGION`, `s3-REGION`, `s3.dualstack.REGION`, `….s3.REGION.vpce` below amazonaws.com. Machines and
/// load balancers of Amazon's customers have names below it too, and anything may run on those.
pub(super) struct AmazonHost {
    labels: Vec<String>,
    /// Which of them is `s3`, or begins with `s3-`.
    service: usize,
}

impl AmazonHost {
    /// The host of a URL, where it is Amazon's.
    pub(super) fn of(url: &str) -> Option<Self> {
        let host = host(url);
        let domains = [".amazonaws.com", ".amazonaws.com.cn"];
        let name = domains.into_iter().find_map(|domain| host.strip_suffix(domain))?;
        let labels: Vec<String> = name.split('.').map(str::to_owned).collect();
        let service = labels.iter().rposition(|label| label == "s3" || label.starts_with("s3-"))?;
        let is_known = |label: &String| is_region(label) || label == "dualstack" || label == "vpce";
        if labels[service + 1..].iter().all(is_known) { Some(AmazonHost { labels, service }) } else { None }
    }

    /// The region in the name, the only one that the host serves.
    pub(super) fn region(&self) -> Option<&str> {
        let behind = self.labels[self.service + 1..].iter().map(String::as_str);
        let old_form = self.labels[self.service].strip_prefix("s3-");
        behind.chain(old_form).find(|label| is_region(label))
    }

    /// The name for another region, without the domain; `None` where it has none.
    fn in_region(&self, region: &str) -> Option<String> {
        if self.labels.iter().any(|label| label == "vpce") {
            return None; // a private endpoint is in one region
        }
        let mut labels: Vec<&str> = self.labels.iter().map(String::as_str).collect();
        match labels[self.service + 1..].iter().position(|label| is_region(label)) {
            Some(at) => labels[self.service + 1 + at] = region,
            None if self.region().is_some() => {
                labels.splice(self.service..=self.service, ["s3", region]).for_each(drop)
            }
            None if labels == ["s3"] && region != "us-east-1" => labels.push(region),
            None => return None,
        }
        Some(labels.join("."))
    }
}

/// The URL of the endpoint for a bucket that is in another region: where the region is a part of the host, another host.
pub(super) fn endpoint_in(url: &str, region: &str) -> String {
    let Some(host) = AmazonHost::of(url) else { return url.to_owned() };
    let Some(name) = host.in_region(region) else { return url.to_owned() };
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let old_name = host.labels.join(".");
    format!("{scheme}://{name}{}", &rest[old_name.len()..])
}

/// The host of a URL, in lower case; empty where there is none.
pub(super) fn host(url: &str) -> String {
    let uri = url.parse::<Uri>().unwrap_or_default();
    uri.host().unwrap_or_default().to_ascii_lowercase()
}

/// As in us-east-1 and us-gov-west-1.
fn is_region(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    parts.len() >= 3 && parts[0].len() == 2 && parts[parts.len() - 1].parse::<u8>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_s3_are_told_from_others_of_amazon() {
        for (name, region) in [
            ("s3.amazonaws.com", None),
            ("s3.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("S3.EU-WEST-1.AMAZONAWS.COM:443", Some("eu-west-1")),
            ("s3-eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("s3.dualstack.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("s3-fips.us-gov-west-1.amazonaws.com", Some("us-gov-west-1")),
            ("s3-fips-us-gov-west-1.amazonaws.com", None),
            ("s3-accelerate.dualstack.amazonaws.com", None),
            ("s3.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("cache.s3.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com", Some("us-east-1")),
        ] {
            let host = AmazonHost::of(&format!("https://{name}/base"));
            assert_eq!(host.unwrap_or_else(|| panic!("{name}")).region(), region, "{name}");
        }
        for name in [
            "my-minio-1.eu-west-1.elb.amazonaws.com:9000",
            "s3-minio-1.eu-west-1.elb.amazonaws.com",
            "internal-s3-1.eu-west-1.elb.amazonaws.com",
            "ec2-1-2-3-4.compute-1.amazonaws.com",
            "s3.ec2-1-2-3-4.eu-west-1.compute.amazonaws.com",
            "amazonaws.com",
            "s3.amazonaws.com.example.com",
            "s3.eu-west-1.example.com",
        ] {
            assert!(AmazonHost::of(&format!("http://{name}")).is_none(), "{name}");
        }
    }

    #[test]
    fn hosts_of_amazon_follow_the_region_and_no_others() {
        for (from, to) in [
            ("https://s3.eu-west-1.amazonaws.com", "https://s3.ap-south-1.amazonaws.com"),
            ("https://s3.eu-west-1.amazonaws.com:443/base", "https://s3.ap-south-1.amazonaws.com:443/base"),
            ("https://S3.EU-WEST-1.amazonaws.com", "https://s3.ap-south-1.amazonaws.com"),
            ("https://s3.amazonaws.com", "https://s3.ap-south-1.amazonaws.com"),
            ("https://s3-eu-west-1.amazonaws.com", "https://s3.ap-south-1.amazonaws.com"),
            ("https://s3.dualstack.eu-west-1.amazonaws.com", "https://s3.dualstack.ap-south-1.amazonaws.com"),
            ("https://s3-accelerate.amazonaws.com", "https://s3-accelerate.amazonaws.com"),
            ("https://vpce-1.s3.eu-west-1.vpce.amazonaws.com", "https://vpce-1.s3.eu-west-1.vpce.amazonaws.com"),
            ("https://s3.eu-west-1.example.com", "https://s3.eu-west-1.example.com"),
            ("http://x-1.eu-west-1.elb.amazonaws.com", "http://x-1.eu-west-1.elb.amazonaws.com"),
        ] {
            assert_eq!(endpoint_in(from, "ap-south-1"), to);
        }
        assert_eq!(endpoint_in("https://s3.amazonaws.com", "us-east-1"), "https://s3.amazonaws.com");
    }
}
