//! Clients that registered themselves: theirs and the service's, and neither drift nor anything to delete.

use serde_json::json;

use crate::world::{World, steps};

const POOL: &str = r#"
[stack]
name = "s"
region = "us-east-1"
[user_pool.people]
delete_unknown_children = DELETES
[user_pool.people.dcr_configuration]
enable_status = "Enabled"
open_dcr_enabled = true
"#;

#[tokio::test(start_paused = true)]
async fn clients_that_registered_themselves_are_no_drift_and_stay() {
    for (deletes, number) in [(false, 1), (true, 0)] {
        let world = World::new();
        let manifest = POOL.replace("DELETES", &deletes.to_string());
        world.apply(&manifest).await;
        let pool = world.call("ListUserPools", json!({"MaxResults": 10})).await["UserPools"][0]["Id"].clone();
        let mut ids = Vec::new();
        for name in ["registered", "by-hand"] {
            let made = world.call("CreateUserPoolClient", json!({"UserPoolId": pool, "ClientName": name})).await;
            ids.push(made["UserPoolClient"]["ClientId"].as_str().unwrap().to_owned());
        }
        // The listing says nothing of it, as the service's does not.
        assert!(world.stand_in.plant_read_only(&ids[0], "/ClientType", json!("DCR")));
        let listed = world.call("ListUserPoolClients", json!({"UserPoolId": pool, "MaxResults": 10})).await;
        assert!(listed["UserPoolClients"][0].get("ClientType").is_none(), "{listed}");

        let plan = world.plan(&manifest).await;
        let names: Vec<&str> = plan.unexpected.iter().map(|found| found.name.as_str()).collect();
        assert_eq!(names, ["by-hand"; 1][..number], "{deletes}");
        assert_eq!(steps(&plan).len(), usize::from(deletes), "{:?}", steps(&plan));
        if deletes {
            let stack = world.stack(&format!("{manifest}\n"));
            let outcome = world.carry_out(&world.plan_stack(&stack).await).await;
            assert_eq!(outcome.failed, []);
        }
        let left = world.call("ListUserPoolClients", json!({"UserPoolId": pool, "MaxResults": 10})).await;
        let left: Vec<&str> =
            left["UserPoolClients"].as_array().unwrap().iter().filter_map(|one| one["ClientId"].as_str()).collect();
        assert_eq!(left.len(), if deletes { 1 } else { 2 });
        assert!(left.contains(&ids[0].as_str()), "{left:?}");
    }
}
